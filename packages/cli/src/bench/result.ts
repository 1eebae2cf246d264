/** What came of a run: figures to show, to keep, and to compare. */
import { readFile, writeFile } from 'node:fs/promises';
import { Complaint, reasonOf } from '../complaint.ts';
import type { Load, Plan } from './plan.ts';
import type { Latency } from './statistics.ts';
import type { Vitals } from './vitals.ts';

/** Messages that went one way. */
export interface Traffic {
  /** In ms. */
  readonly elapsed: number;
  readonly messages: number;
  /** Requests or responses: what went together. */
  readonly payloads: number;
  readonly bytes: number;
}

/** A point of the time line. */
export interface Moment {
  /** Since the first batch was due, in s. */
  readonly at: number;
  /** The time that was counted, in s. */
  readonly span: number;
  readonly sent: number;
  readonly received: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface RunResult {
  readonly date: string;
  readonly plan: Plan;
  readonly load: Load;
  readonly outgoing: Traffic;
  readonly incoming: Traffic;
  readonly expected: number;
  readonly refused: number;
  /** Users whose sessions ended. */
  readonly lost: number;
  readonly trouble: string | undefined;
  readonly latency: Latency;
  /** All latencies, in the compressed format of HdrHistogram. */
  readonly histogram: string;
  /** How late batches left, in µs. */
  readonly lag: Latency;
  readonly timeline: readonly Moment[];
  /** One for each process. */
  readonly client: readonly Vitals[];
  /** Null when the server does not tell. */
  readonly server: Vitals | null;
  /** Why the figures say more about the client than about the server. Empty when they do not. */
  readonly saturation: readonly string[];
}

const FORMAT = 'cometd-bench/1';

/** Shares and times from which on a client is the bottleneck: of its loop, in µs of late batches, in ms of its loop. */
const BUSY = 0.9;
const LATE = 10_000;
const DELAYED = 100;
/** Who has less than this share of the core it has work for shares the machine with something else. */
const STARVED = 0.6;

/** What speaks against the client, one sentence each. */
export function saturationOf(client: readonly Vitals[], lag: Latency, load: Load): string[] {
  const reasons: string[] = [];
  for (const [index, { cpu, utilization, delay }] of client.entries()) {
    const who = client.length === 1 ? 'The client' : `Process ${index + 1} of the client`;
    if (utilization > BUSY) reasons.push(`${who} was busy ${percent(utilization)} of the time`);
    if (utilization > 0.5 && cpu < utilization * STARVED) {
      reasons.push(`${who} had work for ${percent(utilization)} of the time, and a core for ${percent(cpu)}`);
    }
    if (delay.p99 > DELAYED)
      reasons.push(`${who} was late by ${delay.p99.toFixed(0)} ms and more, one time in a hundred`);
  }
  if (load.batchPause > 0 && lag.p99 > LATE) {
    reasons.push(`One batch in a hundred left ${(lag.p99 / 1_000).toFixed(0)} ms late, or later`);
  }
  return reasons;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 2 : 1)} %`;
}

export function perSecond(count: number, elapsed: number): number {
  return elapsed > 0 ? (count * 1_000) / elapsed : 0;
}

/** Of all its processes, as a share of one core. */
export function clientCpu({ client }: RunResult): number {
  return client.reduce((sum, { cpu }) => sum + cpu, 0);
}

export async function save(file: string, runs: readonly RunResult[]): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify({ format: FORMAT, runs }, null, 2)}\n`);
  } catch (error) {
    throw new Complaint(`The results cannot be written: ${reasonOf(error)}`);
  }
}

/** Throws `Complaint` for what is no file of results. */
export async function load(file: string): Promise<readonly RunResult[]> {
  let value: { format?: unknown; runs?: readonly RunResult[] };
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new Complaint(`The results cannot be read: ${reasonOf(error)}`);
  }
  if (value?.format !== FORMAT || !value.runs?.length) throw new Complaint(`${file} holds no results of cometd bench`);
  return value.runs;
}
