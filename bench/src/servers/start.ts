/** What each server of the comparison is: a function that makes it serve on an HTTP server not yet listening. */
import type { Server } from 'node:http';
import type { ScenarioName } from '../scenarios.ts';

export type Start = (http: Server, scenario: ScenarioName) => void;
