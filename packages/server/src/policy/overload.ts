/** When there is too much to do, newcomers are sent elsewhere or asked to come later; those who are here are served. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Diagnostics } from '../diagnostics.ts';
import type { ServerMessage } from '../message.ts';
import { refuse } from '../meta/reply.ts';
import type { Settings } from '../options.ts';
import type { SessionClock } from '../session/clock.ts';

/** How exactly the delay of the event loop is measured, in ms. */
const RESOLUTION = 10;
/** Looks in a row that must find too much: one long step is no overload. */
const LOOKS = 2;
/** How long all must be well before newcomers are taken again, in ms. */
const CALM = 10_000;

/** How late the event loop runs what is due: the worst since the last look, in ms. */
export interface DelayGauge {
  start(): void;
  stop(): void;
  read(): number;
}

export class Overload {
  readonly #settings: Settings;
  readonly #clock: SessionClock;
  readonly #diagnostics: Diagnostics;
  readonly #sessionCount: () => number;
  readonly #gauge: DelayGauge | null;
  #looks = 0;
  /** Until when newcomers are sent away, by the clock. */
  #until = 0;

  constructor(
    settings: Settings,
    clock: SessionClock,
    diagnostics: Diagnostics,
    sessionCount: () => number,
    gauge: DelayGauge = new EventLoopGauge(),
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#diagnostics = diagnostics;
    this.#sessionCount = sessionCount;
    this.#gauge = settings.maxEventLoopDelay >= 0 ? gauge : null;
  }

  start(): void {
    this.#gauge?.start();
  }

  stop(): void {
    this.#gauge?.stop();
  }

  /** How much too much there is to do: 0 nothing, 2 newcomers are sent away, 3 everybody is. */
  get level(): 0 | 1 | 2 | 3 {
    return this.isShedding ? 2 : 0;
  }

  /** Whether newcomers are sent away because the event loop is late. */
  get isShedding(): boolean {
    return this.#until !== 0;
  }

  /** One look at the event loop. */
  sweep(): void {
    if (!this.#gauge) return;
    const delay = this.#gauge.read();
    const now = this.#clock.now();
    this.#looks = delay > this.#settings.maxEventLoopDelay ? this.#looks + 1 : 0;
    if (this.#looks < LOOKS) {
      if (this.#until === 0 || now < this.#until) return;
      this.#until = 0;
      this.#diagnostics.info('The event loop is on time again: handshakes are taken');
      return;
    }
    if (this.#until === 0)
      this.#diagnostics.warn(
        'overload',
        `The event loop is ${Math.round(delay)} ms late: handshakes are refused (option maxEventLoopDelay)`,
      );
    this.#until = now + CALM;
  }

  /** Sends a handshake away when there is too much to do: the reply tells where to, and when. */
  sheds(reply: ServerMessage): boolean {
    const limit = this.#limit();
    if (!limit) return false;
    const { overloadInterval, overloadHosts } = this.#settings;
    this.#diagnostics.limitHit(limit);
    refuse(reply, 'overloaded', limit);
    reply.advice = { reconnect: 'handshake', interval: Math.round(overloadInterval * (0.5 + Math.random())) };
    if (overloadHosts.length > 0) reply.advice.hosts = [...overloadHosts];
    return true;
  }

  #limit(): 'maxSessions' | 'maxEventLoopDelay' | null {
    if (this.#until !== 0) return 'maxEventLoopDelay';
    const { maxSessions } = this.#settings;
    return maxSessions >= 0 && this.#sessionCount() >= maxSessions ? 'maxSessions' : null;
  }
}

/** The 99th percentile since the last look. Node.js measures it without our help. */
class EventLoopGauge implements DelayGauge {
  #histogram: IntervalHistogram | null = null;

  start(): void {
    this.#histogram ??= monitorEventLoopDelay({ resolution: RESOLUTION });
    this.#histogram.enable();
  }

  stop(): void {
    this.#histogram?.disable();
  }

  read(): number {
    if (!this.#histogram) return 0;
    const delay = this.#histogram.percentile(99) / 1e6 - RESOLUTION;
    this.#histogram.reset();
    return delay;
  }
}
