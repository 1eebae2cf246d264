/** The workers of one command: started together, told of each other, replaced when they end, and ended together. */
import cluster, { type Worker } from 'node:cluster';
import { randomBytes } from 'node:crypto';
import type { BayeuxServer } from '@cometd-ts/server';
import { Complaint } from '../complaint.ts';
import { Patience } from './patience.ts';
import type { Reception, Taker } from './reception.ts';
import { SECRET_LENGTH } from './wire.ts';
import type { How, Order, Page, Place, Report } from './words.ts';

/** How long others may take to join one that has joined them, in ms. */
const JOIN_PATIENCE = 5_000;
/** A worker that was silent for this long serves nobody, in ms. */
const MOST_SILENCE = 10_000;
/** How long metrics of a worker are waited for, in ms. */
const MEASURE_PATIENCE = 3_000;

const NO_MORE = 'it may have as many open as it is allowed to (ulimit -n)';

/** How workers are run. */
export interface CrewOptions {
  readonly count: number;
  readonly reception: Reception;
  /** The program, and its arguments. */
  readonly exec: string;
  readonly args: readonly string[];
  /** How long all may take to end, in ms. Who has not by then is cut off. */
  readonly patience: number;
  readonly diagnostics: BayeuxServer['diagnostics'];
  /** Answers pages that clients of a worker ask for. */
  readonly page: (name: string) => Promise<Page>;
}

/** One process. */
interface Member extends Taker {
  readonly number: number;
  readonly worker: Worker;
  place: Place | null;
  /** The version of the list of workers that it is one cluster with. */
  joined: number;
  state: 'starting' | 'called' | 'listening' | 'closed';
  /** When it began to listen, if it has. */
  since: number | null;
  beat: number;
  /** How many connections it was given. */
  given: number;
  reasons: readonly string[];
}

export class Crew {
  /** Resolves when all have ended because they were told to; rejects with `Complaint` when there is no way to go on. */
  readonly ended: Promise<void>;
  readonly #options: CrewOptions;
  /** Known to the workers of this start, and to nobody else. */
  readonly #secret: string = randomBytes(SECRET_LENGTH).toString('hex');
  readonly #members: Map<number, Member> = new Map();
  readonly #patience: Map<number, Patience> = new Map();
  readonly #restarts: Set<NodeJS.Timeout> = new Set();
  readonly #measuring: Map<number, (text: string) => void> = new Map();
  #settle!: { resolve(): void; reject(error: Complaint): void };
  #started: () => void = () => undefined;
  #version = 0;
  #ids = 0;
  #hasStarted = false;
  #isEnding = false;
  #failure: Complaint | null = null;
  #ends = 0;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever waits for the start hears of it, too.
    this.ended.catch(() => undefined);
  }

  /** Starts all workers; resolves when all of them listen. */
  start(): Promise<void> {
    const { exec, args, count } = this.#options;
    cluster.setupPrimary({ exec, args: [...args] });
    const started = new Promise<void>((resolve) => {
      this.#started = resolve;
    });
    for (let number = 1; number <= count; number++) this.#hire(number);
    return Promise.race([started, this.ended]);
  }

  /** Ends all; the second word counts when it is the harder one. */
  end(how: How): void {
    this.#isEnding = true;
    for (const restart of this.#restarts) clearTimeout(restart);
    this.#restarts.clear();
    for (const { worker } of this.#members.values()) say(worker, { say: 'end', how });
    setTimeout(() => this.kill(), this.#options.patience).unref();
    this.#look();
  }

  /** Ends all at once. */
  kill(): void {
    for (const { worker } of this.#members.values()) worker.process.kill('SIGKILL');
  }

  // What operators ask

  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  get listening(): number {
    return [...this.#members.values()].filter(({ state }) => state === 'listening').length;
  }

  /** How many workers have ended without being told to. */
  get ends(): number {
    return this.#ends;
  }

  /** Which workers give no sign of life. */
  stalled(): string[] {
    const oldest = performance.now() - MOST_SILENCE;
    return this.#each(({ state, beat }) => (state === 'listening' && beat < oldest ? ['stalled'] : []));
  }

  /** Why no clients should be sent here. */
  unready(): string[] {
    if (this.#isEnding) return ['draining'];
    return this.#each((member) => (member?.state === 'listening' ? member.reasons : ['starting']));
  }

  /** The metrics of all workers, each as a text. Who does not answer in time is left out. */
  async measure(): Promise<string[]> {
    const texts = [...this.#members.values()].map(({ worker }) => {
      const id = ++this.#ids;
      return new Promise<string>((resolve) => {
        const late = setTimeout(() => this.#measuring.get(id)?.(''), MEASURE_PATIENCE);
        this.#measuring.set(id, (text) => {
          clearTimeout(late);
          this.#measuring.delete(id);
          resolve(text);
        });
        say(worker, { say: 'measure', id });
      });
    });
    return Promise.all(texts);
  }

  /** What there is to say about each worker, with its number. */
  #each(judge: (member: Member) => readonly string[]): string[] {
    const reasons: string[] = [];
    for (let number = 1; number <= this.#options.count; number++) {
      const member = this.#members.get(number);
      for (const reason of member ? judge(member) : ['starting']) reasons.push(`worker ${number}: ${reason}`);
    }
    return reasons;
  }

  // Coming

  #hire(number: number): void {
    const worker = cluster.fork({ COMETD_WORKER: String(number) });
    const now = performance.now();
    const member: Member = {
      number,
      worker,
      place: null,
      joined: -1,
      state: 'starting',
      since: null,
      beat: now,
      given: 0,
      reasons: [],
      give: (connection, failed) =>
        worker.send({ say: 'take', id: ++member.given }, connection, { keepOpen: true }, (error) => error && failed()),
    };
    this.#members.set(number, member);
    worker.on('message', (report: Report) => this.#heard(member, report));
    worker.on('exit', (code: number | null, signal: string | null) => this.#gone(member, signal ?? `code ${code}`));
    // All that it has said is heard by then.
    worker.process.on('close', () => this.#options.reception.dismiss(member));
    worker.on('error', (error) =>
      this.#options.diagnostics.debug('worker', () => `Worker ${number}: ${error.message}`),
    );
  }

  #heard(member: Member, report: Report): void {
    switch (report.say) {
      case 'here':
        say(member.worker, { say: 'begin', number: member.number, secret: this.#secret });
        if (this.#isEnding) say(member.worker, { say: 'end', how: 'stop' });
        return;
      case 'open':
        member.place = report.place;
        return this.#introduce();
      case 'joined':
        member.joined = report.version;
        if (member.state === 'starting')
          setTimeout(() => this.#hasStarted && this.#call(member), JOIN_PATIENCE).unref();
        return this.#callAll();
      case 'listening':
        member.state = 'listening';
        member.since = performance.now();
        this.#options.reception.admit(member);
        return this.#look();
      case 'taken':
        return this.#options.reception.taken(member);
      case 'closed':
        member.state = 'closed';
        this.#options.reception.dismiss(member);
        return this.#look();
      case 'failed':
        if (!this.#hasStarted) return this.#fail(new Complaint(report.reason));
        return this.#options.diagnostics.warn('worker', `Worker ${member.number} cannot start: ${report.reason}`);
      case 'beat':
        member.beat = performance.now();
        member.reasons = report.reasons;
        if (this.#options.reception.owes(member)) say(member.worker, { say: 'ask', id: member.given });
        return;
      case 'missed':
        if (report.id !== member.given) return;
        this.#options.diagnostics.warn('worker', `Worker ${member.number} cannot take connections: ${NO_MORE}`);
        return this.#options.reception.missed(member);
      case 'measured':
        return this.#measuring.get(report.id)?.(report.text);
      case 'asked':
        void this.#options.page(report.name).then((page) => say(member.worker, { say: 'page', id: report.id, page }));
    }
  }

  /** Tells all workers who can be reached. */
  #introduce(): void {
    this.#version++;
    const places: Record<number, Place> = {};
    for (const { number, place } of this.#members.values()) if (place) places[number] = place;
    for (const { worker, place } of this.#members.values())
      if (place) say(worker, { say: 'neighbours', version: this.#version, places });
  }

  /** Clients may come to those who are one cluster with all others: to none before the first time all are. */
  #callAll(): void {
    const members = [...this.#members.values()];
    if (!this.#hasStarted && members.length < this.#options.count) return;
    if (members.some(({ place, joined }) => (place || !this.#hasStarted) && joined !== this.#version)) return;
    for (const member of members) this.#call(member);
  }

  #call(member: Member): void {
    if (member.state !== 'starting' || !member.place || this.#isEnding) return;
    member.state = 'called';
    say(member.worker, { say: 'listen' });
  }

  // Going

  #gone(member: Member, how: string): void {
    const { number, since } = member;
    if (this.#members.get(number) === member) this.#members.delete(number);
    if (member.place) this.#introduce();
    this.#callAll();
    if (this.#isEnding) return this.#look();
    this.#ends++;
    const patience = this.#patience.get(number) ?? new Patience();
    this.#patience.set(number, patience);
    const wait = patience.ended(since === null ? 0 : performance.now() - since);
    if (wait === null)
      return this.#fail(
        new Complaint(
          `Worker ${number} has ended ${patience.ends} times in a row, at last with ${how}: see what it has said`,
        ),
      );
    const { diagnostics } = this.#options;
    diagnostics.warn('worker', `Worker ${number} has ended with ${how}; another one starts in ${wait} ms`);
    const restart = setTimeout(() => {
      this.#restarts.delete(restart);
      this.#hire(number);
    }, wait);
    this.#restarts.add(restart);
  }

  /** There is no way to go on: who can still serve does so while clients are sent elsewhere. */
  #fail(failure: Complaint): void {
    this.#failure ??= failure;
    this.end(this.#hasStarted ? 'drain' : 'stop');
  }

  #look(): void {
    if (!this.#hasStarted && this.listening === this.#options.count) {
      this.#hasStarted = true;
      this.#started();
    }
    if (!this.#isEnding) return;
    if (this.listening === 0) this.#options.reception.close();
    if (this.#members.size > 0) return;
    if (this.#failure) this.#settle.reject(this.#failure);
    else this.#settle.resolve();
  }
}

function say(worker: Worker, order: Order): void {
  // Who cannot be told any more is about to be heard as gone.
  if (worker.isConnected()) worker.send(order, () => undefined);
}
