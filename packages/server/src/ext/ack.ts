/** Acknowledged messages, the server's half: what a client has not confirmed is sent again. Book section 10.5. */

import { META_HANDSHAKE } from '@cometd-ts/protocol';
import type { Extension, ListenerOptions, Registration, ServerSession } from '../api.ts';
import { Listeners } from '../listeners.ts';
import type { ServerMessage } from '../message.ts';
import { Session } from '../session/session.ts';
import { Unacknowledged } from './unacknowledged.ts';

/** What happens to the batches of acknowledged sessions. */
export interface AcknowledgedMessagesEvents {
  /** These messages are about to leave, as batch number `batch`; those that were sent before and not confirmed come first. */
  batchSent: (session: ServerSession, messages: readonly ServerMessage[], batch: number) => void;
  /** The client has everything up to batch number `batch`; these messages were waiting to be confirmed. */
  batchReceived: (session: ServerSession, messages: readonly ServerMessage[], batch: number) => void;
}

/**
 * Delivers without losing, repeating or reordering anything, to clients that ask for it with `ext.ack: true` in their
 * handshake: those with an `AckExtension`. All other sessions are served as without it.
 *
 *     connect  ext.ack: 3  ──▶             "3 is the last batch I have": it and what was before are forgotten
 *                          ◀──  messages, connect  ext.ack: 4      all in one response or one frame
 *     connect  ext.ack: 3  ──▶             batch 4 was lost: its messages are sent again, at once
 *                          ◀──  the same messages and newer ones, connect  ext.ack: 5
 *
 * Messages of such a session travel with the replies to its connects only. What was sent and is not confirmed is kept
 * for as long as the session lives, and is bounded by `maxQueue` and `maxQueueBytes`: as long as new messages do not fit
 * they wait in the queue, which has its own bounds of the same size and follows `queuePolicy` when it is full.
 *
 * @example
 * server.addExtension(new AcknowledgedMessagesExtension());
 */
export class AcknowledgedMessagesExtension implements Extension {
  readonly #listeners: Listeners<AcknowledgedMessagesEvents> = new Listeners();

  rcvMeta(from: ServerSession | null, message: ServerMessage): void {
    if (message.channel !== META_HANDSHAKE || message.ext?.ack !== true) return;
    // A local session has no connects, and nothing can get lost on its way.
    if (!(from instanceof Session) || from.isLocalSession || from.isRetaining) return;
    const unacknowledged = new Unacknowledged(from, this.#listeners);
    from.retain(unacknowledged);
    from.addExtension(unacknowledged);
  }

  /** Adds a listener. It must not publish. Throws `TypeError` when it is not a function. */
  addListener<Name extends keyof AcknowledgedMessagesEvents>(
    name: Name,
    listener: AcknowledgedMessagesEvents[Name],
    options?: ListenerOptions,
  ): Registration {
    return this.#listeners.add(name, listener, options);
  }
}
