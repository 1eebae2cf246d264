/** The server's clock as seen from here: how far it is from ours, and how long messages travel. */
import type { Message } from '../message.ts';
import { Extension, putExt } from './extension.ts';

export interface TimeSyncConfiguration {
  /** Measurements that lag and offset are averages of; the latest count. Default 10. */
  maxSamples?: number;
}

/**
 * Measures with every meta message. Times are in ms.
 *
 *     ext.timesync: { tc, l, o }      ──▶   sent at `tc` by our clock; lag and offset as we know them
 *                                     ◀──   ext.timesync: { tc, ts, p }: received at `ts` by the server's clock,
 *                                           answered `p` later
 *
 * The way there is taken to be as long as the way back, which makes the lag `(now − tc − p) / 2` and the offset
 * `ts − tc − lag`. Until the server has answered both are 0. Book section 10.9.
 */
export class TimeSyncExtension extends Extension {
  readonly #maxSamples: number;
  #lags: number[] = [];
  #offsets: number[] = [];

  constructor(configuration?: TimeSyncConfiguration) {
    super();
    this.#maxSamples = configuration?.maxSamples || 10;
  }

  override unregistered(): void {
    super.unregistered();
    this.#lags = [];
    this.#offsets = [];
  }

  override incoming(message: Message): Message {
    const { tc, ts, p = 0 } = Object(message.ext?.timesync) as Record<string, unknown>;
    if (isMeta(message) && isTime(tc) && isTime(ts) && isTime(p)) {
      const lag = (Date.now() - tc - p) / 2;
      keep(this.#lags, lag, this.#maxSamples);
      keep(this.#offsets, ts - tc - lag, this.#maxSamples);
      this.cometd?._debug('TimeSyncExtension: lag', this.getNetworkLag(), 'offset', this.getTimeOffset());
    }
    return message;
  }

  override outgoing(message: Message): Message {
    if (isMeta(message)) {
      putExt(message, 'timesync', { tc: Date.now(), l: this.getNetworkLag(), o: this.getTimeOffset() });
    }
    return message;
  }

  /** What must be added to our time to get the server's, in ms. */
  getTimeOffset(): number {
    return average(this.#offsets);
  }

  /** The measurements behind `getTimeOffset()`, oldest first. */
  getTimeOffsetSamples(): number[] {
    return [...this.#offsets];
  }

  /** How long a message travels one way, in ms. */
  getNetworkLag(): number {
    return average(this.#lags);
  }

  /** What the server's clock shows now, in ms since 1970. */
  getServerTime(): number {
    return Date.now() + this.getTimeOffset();
  }

  getServerDate(): Date {
    return new Date(this.getServerTime());
  }

  /**
   * Calls `callback` when the server's clock shows that time, at once if it is past. Returns the client's timer handle.
   * Throws `TypeError` while the extension is not registered.
   */
  setTimeout(callback: () => void, serverTimeOrDate: number | Date): unknown {
    if (!this.cometd) throw new TypeError('The extension is not registered');
    return this.cometd.setTimeout(callback, Math.max(0, Number(serverTimeOrDate) - this.getServerTime()));
  }
}

function isMeta(message: Message): boolean {
  // Some servers leave the channel out of replies.
  return message.channel?.startsWith('/meta/');
}

function isTime(value: unknown): value is number {
  return typeof value === 'number';
}

function keep(samples: number[], sample: number, most: number): void {
  samples.push(sample);
  if (samples.length > most) samples.shift();
}

function average(samples: readonly number[]): number {
  return samples.length && Math.round(samples.reduce((sum, sample) => sum + sample) / samples.length);
}
