/** The users of one process: they come and go, chat as planned, and note when they hear what. */
import type { Histogram } from 'hdr-histogram-js';
import { type Lines, linesOf } from './line.ts';
import { type Load, micros, type Plan, type Run } from './plan.ts';
import { encoded, newHistogram, record } from './statistics.ts';
import { type Heard, Reader, User } from './user.ts';
import { type Vitals, VitalsWatch } from './vitals.ts';

/** Which share of the users and batches is this process's. */
export interface Share {
  readonly index: number;
  readonly of: number;
}

/** What has been sent and heard since the last tick; times in µs. */
export interface Tick {
  readonly at: number;
  /** Since the last tick. */
  readonly span: number;
  readonly sent: number;
  /** Users that have come in since the last tick. */
  readonly entered: number;
  readonly received: number;
  readonly latencies: string;
}

/** What was sent, when all is sent. Times in µs. */
export interface Sent {
  /** Messages to each room. */
  readonly rooms: readonly number[];
  readonly requests: number;
  readonly bytes: number;
  readonly end: number;
}

/** What was heard, and what it took. */
export interface Heeded {
  readonly received: number;
  readonly responses: number;
  readonly bytes: number;
  /** When the last message came, in µs. */
  readonly end: number;
  readonly latencies: string;
  /** How late batches left, beyond what they were due. */
  readonly lag: string;
  readonly refused: number;
  readonly lost: number;
  /** What was refused or lost first, in words. */
  readonly trouble: string | undefined;
  readonly vitals: Vitals;
}

/** Between two ticks, in ms. */
const TICK = 250;
/** How many users enter at the same time. */
const DOOR = 32;
/** A timer may be this late through no fault of anybody's, in µs: it is not counted as latency. */
const GRAIN = 1_000;
/** After this time of sending, the network has its turn, in ms. */
const SPELL = 5;

export class Crowd {
  readonly #plan: Plan;
  readonly #share: Share;
  readonly #tell: (tick: Tick) => void;
  readonly #lines: Lines;
  readonly #reader = new Reader();
  readonly #users: User[] = [];
  readonly #chance: () => number;
  #count = fresh();
  #slice = newHistogram();
  #since = { sent: 0, received: 0, entered: 0 };
  #lastTick = micros();
  #run = '';
  #isClosed = false;
  #watch: VitalsWatch | undefined;
  #ticker: NodeJS.Timeout | undefined;

  constructor(plan: Plan, share: Share, tell: (tick: Tick) => void) {
    this.#plan = plan;
    this.#share = share;
    this.#tell = tell;
    this.#lines = linesOf(plan);
    this.#chance = chanceOf(share.index + 1);
  }

  /** Lets users in, or sends some away, until there are so many. Answers the members of each room. */
  async gather(count: number): Promise<readonly number[]> {
    for (const user of this.#users.splice(count)) user.leave();
    const ticker = setInterval(() => this.#tick(), TICK);
    try {
      const doors = await Promise.allSettled(Array.from({ length: DOOR }, () => this.#admit(count)));
      const closed = doors.find((one) => one.status === 'rejected');
      if (closed) throw closed.reason;
    } finally {
      clearInterval(ticker);
    }
    this.#tick();
    const members = new Array<number>(this.#plan.rooms).fill(0);
    for (const user of this.#users)
      for (const room of user.rooms) members[numberOf(room)] = (members[numberOf(room)] ?? 0) + 1;
    return members;
  }

  async #admit(count: number): Promise<void> {
    while (!this.#isClosed && this.#users.length < count) {
      const user = new User(this.#plan, this.#choose(), this.#reader, {
        heard: (messages, bytes) => this.#heard(messages, bytes),
        refused: (reason) => {
          this.#count.refused += 1;
          this.#count.trouble ??= reason;
        },
        lost: (reason) => {
          this.#forget(user);
          this.#count.lost += 1;
          this.#count.trouble ??= reason;
        },
      });
      this.#users.push(user);
      try {
        await user.enter(this.#lines);
      } catch (error) {
        this.#forget(user);
        throw error;
      }
      this.#since.entered += 1;
    }
  }

  /** Its line may be lost, and its entry refused for that: whoever comes second finds it gone. */
  #forget(user: User): void {
    const at = this.#users.indexOf(user);
    if (at >= 0) this.#users.splice(at, 1);
  }

  #choose(): string[] {
    const { channel, rooms, roomsPerClient, roomSize } = this.#plan;
    if (roomSize !== undefined) {
      // Rooms of one process each, so that nobody has to agree on who is where.
      const { index, of } = this.#share;
      return [`${channel}/${Math.floor(this.#users.length / roomSize) * of + index}`];
    }
    const chosen = new Set<number>();
    while (chosen.size < Math.min(rooms, roomsPerClient)) chosen.add(Math.floor(this.#chance() * rooms));
    return [...chosen].map((room) => `${channel}/${room}`);
  }

  /** Begins to watch and to count. */
  begin({ name }: Run): void {
    this.#run = name;
    this.#count = fresh();
    this.#slice = newHistogram();
    this.#since = { sent: 0, received: 0, entered: 0 };
    this.#lastTick = micros();
    this.#watch = new VitalsWatch();
    this.#ticker = setInterval(() => this.#tick(), TICK);
  }

  /** Sends this process's share of the batches, each when it is due. Resolves when the last one has gone. */
  send({ load, start, name }: Run): Promise<Sent> {
    const { batchCount, batchPause } = load;
    const words = JSON.stringify('x'.repeat(load.messageSize));
    const rooms = new Array<number>(this.#plan.rooms).fill(0);
    let requests = 0;
    let bytes = 0;
    let next = this.#share.index;
    return new Promise((resolve) => {
      const step = (): void => {
        const spell = micros() + SPELL * 1_000;
        while (next < batchCount) {
          const now = micros();
          const due = batchPause > 0 ? start + next * batchPause : Math.max(now, start);
          if (due > now) {
            setTimeout(step, Math.max(1, (due - now) / 1_000));
            return;
          }
          record(this.#count.lag, now - due);
          // From when it should have gone, not from when it went: a server that holds us up is not to hide it so.
          const stamp = Math.min(now, due + GRAIN);
          bytes += this.#batch(next, load, `"chat":${words},"sent":${Math.round(stamp)},"run":"${name}"}`, rooms);
          requests += 1;
          next += this.#share.of;
          if (batchPause === 0 || micros() > spell) {
            setImmediate(step);
            return;
          }
        }
        resolve({ rooms, requests, bytes, end: micros() });
      };
      step();
    });
  }

  #batch(turn: number, { batchSize, randomize }: Load, rest: string, rooms: number[]): number {
    const place = Math.floor(turn / this.#share.of);
    const user = this.#users[randomize ? Math.floor(this.#chance() * this.#users.length) : place % this.#users.length];
    if (!user) return 0;
    const messages: { channel: string; data: string }[] = [];
    for (let index = 0; index < batchSize; index += 1) {
      const turns = Math.floor(place / this.#users.length) * batchSize + index;
      const pick = randomize ? Math.floor(this.#chance() * user.rooms.length) : turns % user.rooms.length;
      const channel = user.rooms[pick] ?? '';
      const room = numberOf(channel);
      rooms[room] = (rooms[room] ?? 0) + 1;
      messages.push({ channel, data: `{"room":${room},${rest}` });
    }
    this.#since.sent += messages.length;
    return user.publish(messages);
  }

  /** Ends the run. */
  end(): Heeded {
    clearInterval(this.#ticker);
    this.#tick();
    this.#run = '';
    const { latencies, lag, ...counts } = this.#count;
    const watch = this.#watch ?? new VitalsWatch();
    return { ...counts, latencies: encoded(latencies), lag: encoded(lag), vitals: watch.end() };
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    for (const user of this.#users.splice(0)) user.leave();
    // What was said last is given the time to leave.
    setImmediate(() => this.#lines.close());
  }

  #heard(messages: readonly Heard[], bytes: number): void {
    const now = micros();
    const count = this.#count;
    let isOurs = false;
    for (const { data } of messages) {
      const { run, sent } = (data ?? {}) as { run?: unknown; sent?: unknown };
      if (run !== this.#run || typeof sent !== 'number') continue;
      isOurs = true;
      count.received += 1;
      this.#since.received += 1;
      record(count.latencies, now - sent);
      record(this.#slice, now - sent);
    }
    if (!isOurs) return;
    count.responses += 1;
    count.bytes += bytes;
    count.end = now;
  }

  #tick(): void {
    const at = micros();
    this.#tell({ at, span: at - this.#lastTick, ...this.#since, latencies: encoded(this.#slice) });
    this.#lastTick = at;
    this.#since = { sent: 0, received: 0, entered: 0 };
    this.#slice.reset();
  }
}

interface Count {
  received: number;
  responses: number;
  bytes: number;
  end: number;
  refused: number;
  lost: number;
  trouble: string | undefined;
  readonly latencies: Histogram;
  readonly lag: Histogram;
}

function fresh(): Count {
  return {
    received: 0,
    responses: 0,
    bytes: 0,
    end: 0,
    refused: 0,
    lost: 0,
    trouble: undefined,
    latencies: newHistogram(),
    lag: newHistogram(),
  };
}

function numberOf(room: string): number {
  return Number(room.slice(room.lastIndexOf('/') + 1));
}

/** Chance that is the same each time, so that two runs can be compared: mulberry32. */
function chanceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
