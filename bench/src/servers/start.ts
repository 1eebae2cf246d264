/**
 * What each server of the comparison is: a function that starts it for one scenario, in a process of its own on the CPU
 * of servers. Processes that it starts there share that CPU, and must end when their stdin does.
 */
import type { Scenario } from '../scenarios.ts';

/** In bytes, after garbage collection. */
export interface Memory {
  readonly rss: number;
  readonly heap: number;
}

export interface Served {
  /** Of 127.0.0.1; speaks TLS when the scenario says so. */
  readonly port: number;
  /** The process that is measured, with all below it. Default this one. */
  readonly pid?: number;
  /** Time on the CPU in ns, for where the kernel does not tell. Default that of this process. */
  cpu?(): Promise<number>;
  /** Default that of this process. */
  memory?(): Promise<Memory>;
  /** Resolves when the server is ready to be measured, after the warming up. */
  settle?(): Promise<void>;
  /** Ends what was started and would not end by itself. */
  stop?(): void;
}

/** Rejects when the server cannot do what the scenario asks for. */
export type Start = (scenario: Scenario) => Promise<Served>;

/** What a server needs before any run. */
export interface Prepared {
  /** Why it cannot take part on this machine; empty when it can. */
  readonly obstacle: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Called once in the conductor, by a server that must be compiled or looked for. */
export type Prepare = () => Prepared | Promise<Prepared>;
