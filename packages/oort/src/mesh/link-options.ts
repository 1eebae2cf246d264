/** How links to other nodes are made, and what may wait for one that is away. */
import type { JSONCodec, NodeOptions } from '@cometd-ts/client/node';

/** Times are in ms. */
export interface LinkOptions {
  /** Transports in order of preference. Default `['websocket', 'long-polling']`. */
  readonly transports?: readonly ('websocket' | 'long-polling')[];
  /** What each failed attempt adds to the pause before the next. Default 1000. */
  readonly backoffIncrement?: number;
  /** Longest pause between two attempts; there is no last one. Default 30000. */
  readonly maxBackoff?: number;
  /** How long a reply may take beyond the time the other node holds a connect. Default 15000. */
  readonly maxNetworkDelay?: number;
  /** How long a WebSocket may take to open. Default 10000. */
  readonly connectTimeout?: number;
  /** Longest batch that is sent, in characters; a single message that is longer is not sent. Default 16 MiB. */
  readonly maxSendBayeuxMessageSize?: number;
  /** Longest message that is accepted from another node, in bytes. Default 64 MiB. */
  readonly maxMessageSize?: number;
  /** Pause before a join that was refused is tried again. Default 1000. */
  readonly joinRetry?: number;
  /** Messages that wait for a link that is away; −1 for no bound. Default 10000. */
  readonly maxLinkQueue?: number;
  /** Characters of data that wait for a link that is away; −1 for no bound. Default 16 MiB. */
  readonly maxLinkQueueBytes?: number;
  /** What goes when the queue of a link is full: the new message, which `send` answers with false, or the oldest ones. Default `dropNewest`. */
  readonly linkQueuePolicy?: 'dropNewest' | 'dropOldest';
  /** Certificates, proxy and header fields of links. Default: those of the process. */
  readonly network?: NodeOptions;
  /** Reads and writes what goes over links. Default: the server's `jsonContext`. */
  readonly jsonContext?: JSONCodec;
}

export type LinkSettings = Required<Omit<LinkOptions, 'jsonContext'>> & { readonly jsonContext: JSONCodec | null };

const MIB = 1_048_576;

/** Throws `RangeError` for a number that is none. */
export function linkSettings(options: LinkOptions): LinkSettings {
  const settings: LinkSettings = {
    transports: options.transports ?? ['websocket', 'long-polling'],
    backoffIncrement: options.backoffIncrement ?? 1000,
    maxBackoff: options.maxBackoff ?? 30_000,
    maxNetworkDelay: options.maxNetworkDelay ?? 15_000,
    connectTimeout: options.connectTimeout ?? 10_000,
    maxSendBayeuxMessageSize: options.maxSendBayeuxMessageSize ?? 16 * MIB,
    maxMessageSize: options.maxMessageSize ?? 64 * MIB,
    joinRetry: options.joinRetry ?? 1000,
    maxLinkQueue: options.maxLinkQueue ?? 10_000,
    maxLinkQueueBytes: options.maxLinkQueueBytes ?? 16 * MIB,
    linkQueuePolicy: options.linkQueuePolicy ?? 'dropNewest',
    network: options.network ?? {},
    jsonContext: options.jsonContext ?? null,
  };
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && !(Number.isInteger(value) && value >= -1))
      throw new RangeError(`The option ${name} must be an integer, not ${value}`);
  }
  if (settings.transports.length === 0) throw new RangeError('The option transports names no transport');
  return settings;
}
