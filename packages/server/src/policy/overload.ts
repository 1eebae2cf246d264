/** When there is too much to do, some of it is not done: newcomers wait first, long-pollers pause, at last doors are closed. */
import type { OverloadLevel } from '../api.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { ServerMessage } from '../message.ts';
import { refuse } from '../meta/reply.ts';
import type { Settings } from '../options.ts';
import type { SessionClock } from '../session/clock.ts';
import { ProcessGauge, type Signs, type StrainGauge } from './strain.ts';

type RaisedLevel = Exclude<OverloadLevel, 0>;
type Cause = 'maxEventLoopDelay' | 'maxHeapUse';

/** Looks in a row that must find too much: one long step is no overload. */
const LOOKS = 2;
/** How long there must be less to do before a level is left, in ms. */
const CALM = 10_000;
/** The part of `maxEventLoopDelay` from which on a server is busy, and the multiple of it that is critical. */
const BUSY_DELAY = 1 / 3;
const CRITICAL_DELAY = 10 / 3;
/** The part of its time that the event loop may work before a server is busy. */
const BUSY_UTILIZATION = 0.8;
/** Middle of the pause that long-pollers are asked for, in ms; each gets another one, from 500 to 2000. */
const PAUSE = 1_250;
const PAUSE_JITTER = 0.6;

/** Told of each change of the level, and at each look while it is the highest. */
export interface Relief {
  changed(level: OverloadLevel, previous: OverloadLevel): void;
  critical(): void;
}

export class Overload {
  readonly #settings: Settings;
  readonly #clock: SessionClock;
  readonly #diagnostics: Diagnostics;
  readonly #sessionCount: () => number;
  readonly #relief: Relief;
  readonly #gauge: StrainGauge | null;
  /** For each level: looks in a row that found it, and until when it lasts, by the clock. */
  readonly #looks: Record<RaisedLevel, number> = { 1: 0, 2: 0, 3: 0 };
  readonly #until: Record<RaisedLevel, number> = { 1: 0, 2: 0, 3: 0 };
  #level: OverloadLevel = 0;
  #cause: Cause = 'maxEventLoopDelay';

  constructor(
    settings: Settings,
    clock: SessionClock,
    diagnostics: Diagnostics,
    sessionCount: () => number,
    relief: Relief,
    gauge: StrainGauge = new ProcessGauge(),
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#diagnostics = diagnostics;
    this.#sessionCount = sessionCount;
    this.#relief = relief;
    this.#gauge = settings.maxEventLoopDelay >= 0 || settings.maxHeapUse >= 0 ? gauge : null;
  }

  get level(): OverloadLevel {
    return this.#level;
  }

  start(): void {
    this.#gauge?.start();
  }

  stop(): void {
    this.#gauge?.stop();
  }

  /** One look at the process. */
  sweep(): void {
    if (!this.#gauge) return;
    const signs = this.#gauge.read();
    const now = this.#clock.now();
    const measured = Math.max(this.#byDelay(signs), this.#byHeap(signs));
    for (const level of [1, 2, 3] as const) {
      this.#looks[level] = measured >= level ? this.#looks[level] + 1 : 0;
      if (this.#looks[level] >= LOOKS) this.#until[level] = now + CALM;
    }
    const level = ([3, 2, 1] as const).find((one) => now < this.#until[one]) ?? 0;
    if (level !== this.#level) this.#change(level, signs);
    if (level === 3) this.#relief.critical();
  }

  /** Sends a handshake away when there is too much to do: the reply tells where to, and when. */
  sheds(reply: ServerMessage): boolean {
    const limit = this.#limit();
    if (!limit) return false;
    const { overloadHosts } = this.#settings;
    this.#diagnostics.limitHit(limit);
    refuse(reply, 'overloaded', limit);
    reply.advice = { reconnect: 'handshake', interval: this.#awhile() };
    if (overloadHosts.length > 0) reply.advice.hosts = [...overloadHosts];
    return true;
  }

  /** ms that a long-poller is asked to pause before its next connect; 0 when there is no need. */
  pause(): number {
    return this.#level === 0 ? 0 : jittered(PAUSE, PAUSE_JITTER);
  }

  /** Seconds after which a request that must not come in may be tried again; null when it may come in. */
  closes(): number | null {
    if (this.#level < 3) return null;
    this.#diagnostics.limitHit(this.#cause);
    return Math.max(Math.ceil(this.#awhile() / 1_000), 1);
  }

  #awhile(): number {
    return jittered(this.#settings.overloadInterval, 0.5);
  }

  #byDelay({ delay, utilization }: Signs): OverloadLevel {
    const { maxEventLoopDelay: most } = this.#settings;
    if (most < 0) return 0;
    if (delay > most * CRITICAL_DELAY) return 3;
    if (delay > most) return 2;
    return delay > most * BUSY_DELAY || utilization > BUSY_UTILIZATION ? 1 : 0;
  }

  /** Level 3 from halfway between the limit and a full heap. */
  #byHeap({ heap }: Signs): OverloadLevel {
    const { maxHeapUse: most } = this.#settings;
    if (most < 0 || heap <= most) return 0;
    return heap > (most + 100) / 2 ? 3 : 2;
  }

  #change(level: OverloadLevel, signs: Signs): void {
    const previous = this.#level;
    this.#level = level;
    if (level > previous) this.#cause = this.#byHeap(signs) >= level ? 'maxHeapUse' : 'maxEventLoopDelay';
    if (level >= 2 && level > previous) {
      const what =
        this.#cause === 'maxHeapUse'
          ? `The heap is ${Math.round(signs.heap)} % full`
          : `The event loop is ${Math.round(signs.delay)} ms late`;
      const refused = level === 2 ? 'handshakes are refused' : 'HTTP requests and new connections are refused';
      this.#diagnostics.warn('overload', `${what}: ${refused} (option ${this.#cause})`);
    } else if (level < 2 && previous >= 2) {
      const what = this.#cause === 'maxHeapUse' ? 'The heap has room' : 'The event loop is on time';
      this.#diagnostics.info(`${what} again: handshakes are taken`);
    }
    this.#relief.changed(level, previous);
  }

  #limit(): 'maxSessions' | Cause | null {
    if (this.#level >= 2) return this.#cause;
    const { maxSessions } = this.#settings;
    return maxSessions >= 0 && this.#sessionCount() >= maxSessions ? 'maxSessions' : null;
  }
}

/** Another number each time, from `part` of `middle` below it to as much above it. */
function jittered(middle: number, part: number): number {
  return Math.round(middle * (1 - part + 2 * part * Math.random()));
}
