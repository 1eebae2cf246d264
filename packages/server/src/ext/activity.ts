/** Ends the sessions of clients that are there but do nothing. Book section 10.4. */
import { META_CONNECT, META_HANDSHAKE } from '@cometd-ts/protocol';
import type { Extension, ServerSession, SessionExtension } from '../api.ts';
import { duration } from '../duration.ts';
import type { ServerMessage } from '../message.ts';

/** Whose messages count as activity: the client's alone, or also those the server sends it. */
export type Activity = 'client' | 'client-server';

export interface ActivityOptions {
  /** Default 'client'. */
  readonly activity?: Activity;
  /** Longest time without activity, in ms. */
  readonly maxInactivity: number;
}

/**
 * Disconnects every session that is inactive for longer than `maxInactivity`. Connects are no activity. It is found out
 * when a connect arrives, so that it may take up to the `timeout` of the transport longer. The client is told with a
 * `/meta/disconnect` and the advice not to come again. To apply it to some sessions only, see `SessionActivityExtension`.
 *
 * @example
 * server.addExtension(new ActivityExtension({ maxInactivity: 15 * 60_000 }));
 */
export class ActivityExtension implements Extension {
  readonly #options: ActivityOptions;

  /** Throws `TypeError` or `RangeError` for options that are wrong. */
  constructor(options: ActivityOptions) {
    this.#options = checked(options);
  }

  rcvMeta(from: ServerSession | null, message: ServerMessage): void {
    if (message.channel !== META_HANDSHAKE || !from || from.isLocalSession) return;
    from.addExtension(new SessionActivityExtension(this.#options));
  }
}

/**
 * The same for one session, from the moment it is added.
 *
 * @example
 * session.addExtension(new SessionActivityExtension({ activity: 'client-server', maxInactivity: 60_000 }));
 */
export class SessionActivityExtension implements SessionExtension {
  readonly #countsServer: boolean;
  readonly #maxInactivity: number;
  #lastActivity = performance.now();

  /** Throws `TypeError` or `RangeError` for options that are wrong. */
  constructor(options: ActivityOptions) {
    const { activity, maxInactivity } = checked(options);
    this.#countsServer = activity === 'client-server';
    this.#maxInactivity = maxInactivity;
  }

  rcv(): void {
    this.#active();
  }

  rcvMeta(session: ServerSession, message: ServerMessage): void {
    if (message.channel !== META_CONNECT) this.#active();
    else if (performance.now() - this.#lastActivity > this.#maxInactivity) session.disconnect();
  }

  send(): void {
    if (this.#countsServer) this.#active();
  }

  sendMeta(_sender: ServerSession | null, _session: ServerSession, message: ServerMessage): void {
    if (this.#countsServer && message.channel !== META_CONNECT) this.#active();
  }

  #active(): void {
    this.#lastActivity = performance.now();
  }
}

function checked({ activity = 'client', maxInactivity }: ActivityOptions): Required<ActivityOptions> {
  if (activity !== 'client' && activity !== 'client-server')
    throw new RangeError(`The option 'activity' must be 'client' or 'client-server', not '${activity}'`);
  if (typeof maxInactivity !== 'number') throw new TypeError("The option 'maxInactivity' must be a number of ms");
  if (!(maxInactivity >= 0)) throw new RangeError(`The option 'maxInactivity' must not be ${maxInactivity}`);
  return { activity, maxInactivity: duration('maxInactivity', maxInactivity) };
}
