/** The server's half of clock synchronisation: tells clients when their messages came and how long they stayed. Book section 10.9. */
import type { Extension, ServerSession } from '../api.ts';
import type { ServerMessage } from '../message.ts';

export interface TimesyncOptions {
  /** How far a client's idea of our clock may be off before it is told again, in ms. Default 25. */
  readonly accuracyTarget?: number;
  /** The clock that clients are told, in ms since 1970. Default `Date.now`. */
  readonly now?: () => number;
}

/** When a request came by our clock, and what its client said about its own. Times are in ms since 1970. */
interface Measurement {
  /** When the client sent it, by the client's clock. */
  readonly tc: number;
  /** When it came, by ours. */
  readonly ts: number;
  /** The lag and the offset as the client knows them. */
  readonly l: number | undefined;
  readonly o: number | undefined;
}

/**
 * Answers `ext.timesync` of meta messages.
 *
 *     request  ext.timesync: { tc, l, o }      sent at `tc`; lag and offset as the client knows them
 *     reply    ext.timesync: { tc, ts, p, a }  came at `ts`, answered `p` later; the client's clock is off by `a`
 *
 * A client whose clock is right within `accuracyTarget` is told nothing. What it says of its lag is kept in the
 * attribute `lag` of its session, in ms.
 *
 * @example
 * server.addExtension(new TimesyncExtension());
 */
export class TimesyncExtension implements Extension {
  readonly #accuracyTarget: number;
  readonly #now: () => number;
  readonly #measurements: WeakMap<ServerMessage, Measurement> = new WeakMap();

  /** Throws `RangeError` for an accuracy target that is no number of ms. */
  constructor({ accuracyTarget = 25, now = () => Date.now() }: TimesyncOptions = {}) {
    if (!(Number.isFinite(accuracyTarget) && accuracyTarget >= 0))
      throw new RangeError(`The option 'accuracyTarget' must be a number of ms, not ${accuracyTarget}`);
    this.#accuracyTarget = accuracyTarget;
    this.#now = now;
  }

  rcvMeta(from: ServerSession | null, message: ServerMessage): void {
    const { tc, l, o } = Object(message.ext?.timesync) as Record<string, unknown>;
    if (typeof tc !== 'number') return;
    this.#measurements.set(message, { tc, ts: this.#now(), l: numberOf(l), o: numberOf(o) });
    if (from && typeof l === 'number') from.attributes.set('lag', l);
  }

  sendMeta(_from: ServerSession | null, _to: ServerSession | null, message: ServerMessage): void {
    const measurement = message.associated && this.#measurements.get(message.associated);
    if (!measurement) return;
    const { tc, ts, l, o } = measurement;
    const answer = { tc, ts, p: this.#now() - ts };
    if (l === undefined) {
      message.ext = { ...message.ext, timesync: answer };
      return;
    }
    if (o === undefined) return;
    const a = Math.trunc(tc + o + l - ts);
    if (l === 0 || Math.abs(a) >= this.#accuracyTarget) message.ext = { ...message.ext, timesync: { ...answer, a } };
  }
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
