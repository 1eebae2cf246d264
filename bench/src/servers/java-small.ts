/** CometD for Java as people tune it for many small messages: few threads, and no limit to the messages of a frame. */
import type { Scenario } from '../scenarios.ts';
import { startJava } from './java.ts';
import type { Peer } from './native.ts';

export { prepare } from './java.ts';

export function start(scenario: Scenario): Promise<Peer> {
  return startJava(scenario, ['small']);
}
