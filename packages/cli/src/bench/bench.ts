/** A sitting with one server: users gather, runs are run, figures are put together. */
import type { Heeded, Sent, Share, Tick } from './crowd.ts';
import { childHand, type Hand, ownHand } from './hand.ts';
import { linesOf } from './line.ts';
import { type Load, micros, type Plan, type Run } from './plan.ts';
import { type Moment, type RunResult, saturationOf } from './result.ts';
import { decoded, encoded as encodedOf, newHistogram, summary } from './statistics.ts';
import { Reader, User } from './user.ts';
import type { Vitals } from './vitals.ts';
import { VITALS_CHANNEL } from './vitals-service.ts';

/** Told while it goes on. */
export interface Progress {
  gathering(entered: number, of: number): void;
  arriving(received: number, expected: number): void;
}

/** How long a server may take to tell how it is, in ms: while it has nothing to do, and after a run. */
const ANSWER = { begin: 1_000, end: 10_000 } as const;
/** From when all are ready until the first batch, in µs. */
const BREATH = 50_000;
/** Width of a moment of the time line, in ms. */
const MOMENT = 500;

export class Bench {
  readonly #plan: Plan;
  readonly #progress: Progress;
  /** How long nothing may arrive before the rest is lost, in ms. */
  readonly #patience: number;
  readonly #hands: Hand[] = [];
  #members: number[] = [];
  #entered = 0;
  #goal = 0;
  #run: { start: number; received: number; moments: Map<number, Moments>; news(): void } | undefined;
  #runs = 0;

  private constructor(plan: Plan, patience: number, progress: Progress) {
    this.#plan = plan;
    this.#patience = patience;
    this.#progress = progress;
  }

  static async open(plan: Plan, options: { processes: number; patience: number; progress: Progress }): Promise<Bench> {
    const bench = new Bench(plan, options.patience, options.progress);
    const tell = (tick: Tick): void => bench.#heed(tick);
    for (let index = 0; index < options.processes; index += 1) {
      const share: Share = { index, of: options.processes };
      bench.#hands.push(options.processes === 1 ? ownHand(plan, share, tell) : await childHand(plan, share, tell));
    }
    return bench;
  }

  /** Lets so many users in. Rejects when the server does not want one of them. */
  async gather(clients: number): Promise<void> {
    this.#goal = clients;
    this.#entered = 0;
    const of = this.#hands.length;
    const members = await Promise.all(
      this.#hands.map((hand, index) => hand.gather(Math.floor(clients / of) + (index < clients % of ? 1 : 0))),
    );
    const rooms = Math.max(...members.map(({ length }) => length));
    this.#members = Array.from({ length: rooms }, (_, room) => members.reduce((sum, one) => sum + (one[room] ?? 0), 0));
  }

  async run(load: Load): Promise<RunResult> {
    this.#runs += 1;
    const observer = await this.#observe();
    const run: Run = {
      load,
      name: `${process.pid}-${Date.now().toString(36)}-${this.#runs}`,
      start: micros() + BREATH,
    };
    const state = { start: run.start, received: 0, moments: new Map<number, Moments>(), news: (): void => undefined };
    this.#run = state;
    await Promise.all(this.#hands.map((hand) => hand.begin(run)));
    const sent = await Promise.all(this.#hands.map((hand) => hand.send(run)));
    const expected = sent.reduce((sum, { rooms }) => sum + expectedOf(rooms, this.#members), 0);
    await this.#arrived(expected);
    const heeded = await Promise.all(this.#hands.map((hand) => hand.end()));
    const server = (await observer?.end()) ?? null;
    this.#run = undefined;
    return resultOf({ plan: this.#plan, run, sent, heeded, expected, server, moments: state.moments });
  }

  async close(): Promise<void> {
    await Promise.all(this.#hands.map((hand) => hand.close()));
  }

  /** Resolves when everything has arrived, or when nothing has for too long. */
  #arrived(expected: number): Promise<void> {
    const run = this.#run;
    if (!run) return Promise.resolve();
    return new Promise((resolve) => {
      let timer = setTimeout(resolve, this.#patience);
      let last = run.received;
      run.news = () => {
        this.#progress.arriving(run.received, expected);
        if (run.received >= expected) {
          clearTimeout(timer);
          run.news = () => undefined;
          resolve();
        } else if (run.received > last) {
          last = run.received;
          clearTimeout(timer);
          timer = setTimeout(resolve, this.#patience);
        }
      };
      run.news();
    });
  }

  #heed({ at, span, sent, entered, received, latencies }: Tick): void {
    if (entered > 0) {
      this.#entered += entered;
      this.#progress.gathering(this.#entered, this.#goal);
    }
    const run = this.#run;
    if (!run) return;
    const index = Math.max(0, Math.floor((at - run.start) / 1_000 / MOMENT));
    const moment = run.moments.get(index) ?? {
      from: at,
      to: at,
      sent: 0,
      received: 0,
      latencies: newHistogram(),
    };
    run.moments.set(index, moment);
    moment.from = Math.min(moment.from, at - span);
    moment.to = Math.max(moment.to, at);
    moment.sent += sent;
    moment.received += received;
    moment.latencies.add(decoded(latencies));
    run.received += received;
    run.news();
  }

  /** A user more, who asks the server how it is; null when the server does not tell. */
  async #observe(): Promise<{ end(): Promise<Vitals | null> } | null> {
    const lines = linesOf(this.#plan);
    let answer: (vitals: Vitals | null) => void = () => undefined;
    const user = new User({ ...this.#plan, ack: false }, [], new Reader(), {
      heard: (messages) => {
        for (const { channel, data } of messages) if (channel === VITALS_CHANNEL) answer(data as Vitals);
      },
      refused: () => answer(null),
      lost: () => answer(null),
    });
    const ask = (what: 'begin' | 'end'): Promise<Vitals | null> =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(null), ANSWER[what]);
        answer = (vitals) => {
          clearTimeout(timer);
          resolve(vitals);
        };
        user.publish([{ channel: VITALS_CHANNEL, data: JSON.stringify({ ask: what }) }]);
      });
    const leave = (): void => {
      user.leave();
      setImmediate(() => lines.close());
    };
    await user.enter(lines);
    if (!(await ask('begin'))) {
      leave();
      return null;
    }
    return { end: () => ask('end').finally(leave) };
  }
}

interface Moments {
  /** What the ticks in it cover, in µs. */
  from: number;
  to: number;
  sent: number;
  received: number;
  readonly latencies: ReturnType<typeof newHistogram>;
}

/** How many messages have to arrive: each one at all members of its room. */
export function expectedOf(sent: readonly number[], members: readonly number[]): number {
  return sent.reduce((sum, count, room) => sum + count * (members[room] ?? 0), 0);
}

interface Parts {
  readonly plan: Plan;
  readonly run: Run;
  readonly sent: readonly Sent[];
  readonly heeded: readonly Heeded[];
  readonly expected: number;
  readonly server: Vitals | null;
  readonly moments: ReadonlyMap<number, Moments>;
}

function resultOf({ plan, run, sent, heeded, expected, server, moments }: Parts): RunResult {
  const latencies = newHistogram();
  const lag = newHistogram();
  for (const one of heeded) {
    latencies.add(decoded(one.latencies));
    lag.add(decoded(one.lag));
  }
  const sum = <Part>(parts: readonly Part[], of: (part: Part) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  const until = (ends: readonly number[]): number => Math.max(0, (Math.max(...ends) - run.start) / 1_000);
  const { load } = run;
  const client = heeded.map(({ vitals }) => vitals);
  const late = summary(lag);
  return {
    date: new Date().toISOString(),
    plan,
    load,
    outgoing: {
      elapsed: until(sent.map(({ end }) => end)),
      messages: sum(sent, ({ rooms }) => sum(rooms, (count) => count)),
      payloads: sum(sent, ({ requests }) => requests),
      bytes: sum(sent, ({ bytes }) => bytes),
    },
    incoming: {
      elapsed: until(heeded.map(({ end }) => end)),
      messages: sum(heeded, ({ received }) => received),
      payloads: sum(heeded, ({ responses }) => responses),
      bytes: sum(heeded, ({ bytes }) => bytes),
    },
    expected,
    refused: sum(heeded, ({ refused }) => refused),
    lost: sum(heeded, (one) => one.lost),
    trouble: heeded.find(({ trouble }) => trouble !== undefined)?.trouble,
    latency: summary(latencies),
    histogram: latencies.totalCount > 0 ? encodedOf(latencies) : '',
    lag: late,
    timeline: [...moments].sort(([a], [b]) => a - b).map(([index, moment]) => momentOf(index, moment)),
    client,
    server,
    saturation: saturationOf(client, late, load),
  };
}

function momentOf(index: number, { from, to, sent, received, latencies }: Moments): Moment {
  const { p50, p99, max } = summary(latencies);
  return { at: (index * MOMENT) / 1_000, span: Math.max(1, to - from) / 1e6, sent, received, p50, p99, max };
}
