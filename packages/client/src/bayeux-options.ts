/** What a typed client is made with, and the events it has. */
import type { Schema } from './channel-map.ts';
import type { Authenticate } from './credentials.ts';
import type { ClientExtension } from './exchange.ts';
import type { Message } from './message.ts';
import type { ClientOptions } from './options.ts';
import type { Platform } from './platform.ts';
import type { Status } from './status.ts';
import type { TransportLike } from './transport/transport.ts';

/** Options of `BayeuxClient`; the times are in ms. */
export interface BayeuxClientOptions extends ClientOptions {
  /** Transports in order of preference: `websocket`, `long-polling`, or objects. Default both, where there are WebSockets. */
  transports?: readonly ('websocket' | 'long-polling' | (TransportLike & { readonly connectionType?: string }))[];
  extensions?: readonly ClientExtension[];
  /**
   * Finds credentials: before the first handshake (`reason` is null), and when the server refuses (`reason` is the
   * error, its code 401 or 403, or reconnect `none`). One call at a time.
   */
  auth?: Authenticate;
  /** How many renewals of credentials in a row may fail before the client gives up. Default 3. */
  maxAuthRenewals?: number;
  /** Makes subscriptions anew in every new session. Default true. */
  resubscribe?: boolean;
  /** Checks incoming data by channel: exact names and wildcards, the nearest one counts. What does not fit is reported by `invalid`, not delivered. */
  schemas?: Readonly<Record<string, Schema>>;
  platform?: Platform;
}

/** The events of a client, and what their listeners get. */
export interface BayeuxClientEvents {
  /** The condition changed. */
  status: [status: Status, previous: Status];
  /** A message did not succeed. */
  failure: [error: Error, message: Message];
  /** Subscriptions were made in a new session. `refused`: those that are no more. */
  restored: [{ readonly channels: readonly string[]; readonly refused: readonly string[] }];
  /** A listener, an extension or another function of the application threw. */
  exception: [error: unknown];
  /** Data did not fit the channel's schema. */
  invalid: [{ readonly message: Message; readonly issues: readonly { readonly message: string }[] }];
}
