/** What the steps of a climb say about the server: how many users, at which latency, and what ended it. */
import { clientCpu, percent, perSecond, type RunResult } from './result.ts';
import { grouped, mebibytes, warnings } from './text.ts';

/** A number of users, and how it went with them. */
export interface Step {
  readonly users: number;
  /** Null when they could not all be had. */
  readonly result: RunResult | null;
  /** Why it did not go well, in a sentence; undefined when it did. */
  readonly trouble: string | undefined;
  /** The client was the bottleneck: it says nothing about the server. */
  readonly isOurs: boolean;
}

export interface Capacity {
  /** In the order of their users. */
  readonly steps: readonly Step[];
  /** The one with most users of those that went well. */
  readonly best: Step | undefined;
  /** The one with fewest users of those that did not. */
  readonly worst: Step | undefined;
  /** In ms. */
  readonly limit: number;
  /** Between two messages of a user, in s. */
  readonly every: number;
  readonly roomSize: number;
}

/** What speaks against a step. `limit` is in ms. */
export function verdictOn(result: RunResult, limit: number): Pick<Step, 'trouble' | 'isOurs'> {
  const { latency, expected, incoming, refused, lost, saturation } = result;
  if (incoming.messages !== expected || refused > 0 || lost > 0) {
    return { trouble: warnings({ ...result, saturation: [] })[0], isOurs: false };
  }
  // Latency counts from when a message was due, so that a late client only makes it longer: what is quick enough is served.
  if (latency.p99 <= limit * 1_000) return { trouble: undefined, isOurs: false };
  const [fault] = saturation;
  return {
    trouble: fault ?? `one message in a hundred took over ${milliseconds(latency.p99)} ms, and ${limit} are allowed`,
    isOurs: fault !== undefined,
  };
}

/** What the steps say together. */
export function capacityOf(steps: readonly Step[], load: Pick<Capacity, 'limit' | 'every' | 'roomSize'>): Capacity {
  const inOrder = [...steps].sort((a, b) => a.users - b.users);
  const best = inOrder.findLast(({ trouble }) => trouble === undefined);
  return { ...load, steps: inOrder, best, worst: inOrder.find(({ trouble }) => trouble !== undefined) };
}

/** The answer, in sentences. */
export function textOfCapacity({ best, worst, every, roomSize }: Capacity): string {
  if (!best?.result) return `Not even ${grouped(worst?.users ?? 0)} users could be served: ${worst?.trouble}`;
  const { latency, incoming, server } = best.result;
  const atLeast = worst === undefined || worst.isOurs ? 'at least ' : '';
  const lines = [
    `It serves ${atLeast}${grouped(best.users)} users, 99 of 100 messages within ${milliseconds(latency.p99)} ms and half of them within ${milliseconds(latency.p50)} ms.`,
    `Each says something every ${every} s to a room of ${roomSize}: ${grouped(perSecond(incoming.messages, incoming.elapsed))} messages arrive a second.`,
  ];
  if (server) lines.push(`The server used ${percent(server.cpu)} of a core for it, and ${mebibytes(server.rss)} MiB.`);
  if (!worst) lines.push('More were not tried (--most).');
  else if (worst.isOurs)
    lines.push(
      `With ${grouped(worst.users)} the client was the bottleneck: ${worst.trouble}. More processes or machines may find more.`,
    );
  else lines.push(`With ${grouped(worst.users)} it did not go well: ${worst.trouble}.`);
  return lines.join('\n');
}

/** A step as a row under `heads`. */
export function textOfStep({ users, result, trouble }: Step): string {
  if (!result) return row([grouped(users), '', '', '', '', '', trouble ?? '']);
  const { latency, incoming, server } = result;
  return row([
    grouped(users),
    grouped(perSecond(incoming.messages, incoming.elapsed)),
    milliseconds(latency.p50),
    milliseconds(latency.p99),
    server ? percent(server.cpu) : 'unknown',
    percent(clientCpu(result)),
    trouble ?? '',
  ]);
}

/** What stands above the steps. */
export const heads: string = row(['users', 'heard/s', 'p50 ms', 'p99 ms', 'server CPU', 'client CPU', '']);

function row(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index === cells.length - 1 ? `  ${cell}` : cell.padStart(11)))
    .join('')
    .trimEnd();
}

function milliseconds(microseconds: number): string {
  return (microseconds / 1_000).toFixed(1);
}
