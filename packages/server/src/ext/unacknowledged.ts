/** What one session's client has not confirmed: batches are numbered by connect replies, and confirmed by connects. */
import { META_CONNECT, META_HANDSHAKE } from '@cometd-ts/protocol';
import type { ServerSession, SessionExtension } from '../api.ts';
import type { Listeners } from '../listeners.ts';
import type { ServerMessage } from '../message.ts';
import type { MessageQueue } from '../session/queue.ts';
import type { Retention } from '../session/retention.ts';
import type { Session } from '../session/session.ts';
import type { AcknowledgedMessagesEvents } from './ack.ts';

/** A message that was sent, and the number it was first sent with. */
interface Sent {
  readonly message: ServerMessage;
  readonly batch: number;
}

export class Unacknowledged implements SessionExtension, Retention {
  readonly #session: Session;
  readonly #listeners: Listeners<AcknowledgedMessagesEvents>;
  /** Number of the next batch. */
  #batch = 1;
  /** In the order in which they were queued. */
  #sent: readonly Sent[] = [];
  /** The numbers of replies that have not been written. */
  readonly #numbers: WeakMap<ServerMessage, number> = new WeakMap();
  /** The newest request whose reply may carry messages. */
  #newest: ServerMessage | null = null;

  constructor(session: Session, listeners: Listeners<AcknowledgedMessagesEvents>) {
    this.#session = session;
    this.#listeners = listeners;
  }

  get isSettled(): boolean {
    return this.#sent.length === 0;
  }

  get size(): number {
    return this.#sent.length;
  }

  rcvMeta(session: ServerSession, message: ServerMessage): void {
    if (message.channel === META_HANDSHAKE) this.#newest = message;
    // Another session's connect in this one's payload is refused later on; it confirms nothing.
    if (message.channel !== META_CONNECT || message.clientId !== session.id) return;
    this.#newest = message;
    const ack = message.ext?.ack;
    if (typeof ack === 'number') this.#acknowledge(ack);
    if (this.#sent.length === 0 || message.advice?.timeout !== undefined) return;
    // Something was lost, and nothing new would wake this connect: it must not be held.
    const { hasNonLazyMessages, isBatching } = this.#session;
    if (!hasNonLazyMessages || isBatching) message.advice = { ...message.advice, timeout: 0 };
  }

  sendMeta(_sender: ServerSession | null, session: ServerSession, message: ServerMessage): void {
    if (message.channel === META_HANDSHAKE) {
      const batch = session.allowMessageDeliveryDuringHandshake && this.#number(message);
      message.ext = { ...message.ext, ack: batch === false ? true : { enabled: true, batch } };
    }
    // Clients take no number from a reply that failed, so that it must not carry anything either.
    if (message.channel === META_CONNECT && message.successful) {
      message.ext = { ...message.ext, ack: this.#number(message) };
    }
  }

  /** Nothing leaves without a number, except when a session is over and cannot be asked again. */
  take(
    queue: MessageQueue,
    replies: readonly ServerMessage[],
    dequeue: () => readonly ServerMessage[],
  ): readonly ServerMessage[] {
    const reply = replies.findLast((one) => this.#numbers.has(one));
    if (!reply) return this.#session.isTerminated ? dequeue() : [];
    const batch = this.#numbers.get(reply) as number;
    this.#numbers.delete(reply);
    // A newer connect has come meanwhile: it gets what is new. The same while new messages do not fit.
    const isOvertaken = reply.associated !== this.#newest;
    const messages =
      isOvertaken || !this.#hasRoomFor(queue)
        ? this.#sent.filter((one) => one.batch <= batch).map((one) => one.message)
        : this.#takeAll(queue, batch, dequeue);
    if (messages.length > 0) this.#notify('batchSent', messages, batch);
    return messages;
  }

  #number(reply: ServerMessage): number {
    const batch = this.#batch++;
    this.#numbers.set(reply, batch);
    return batch;
  }

  #acknowledge(batch: number): void {
    if (batch >= this.#batch) {
      this.#session.diagnostics.rejected('ack_unknown', `batch ${batch} was never sent`);
      return;
    }
    const received = this.#sent.filter((one) => one.batch <= batch);
    if (received.length === 0) return;
    this.#sent = this.#sent.filter((one) => one.batch > batch);
    this.#notify(
      'batchReceived',
      received.map((one) => one.message),
      batch,
    );
  }

  /** What was sent and not confirmed goes before what is new. Those who listen to the queue may have changed both. */
  #takeAll(queue: MessageQueue, batch: number, dequeue: () => readonly ServerMessage[]): readonly ServerMessage[] {
    const before = this.#sent.length > 0 ? new Map(this.#sent.map((one) => [one.message, one.batch])) : null;
    if (before) queue.putBack(this.#sent.map((one) => one.message));
    const messages = dequeue();
    this.#sent = messages.map((message) => ({ message, batch: before?.get(message) ?? batch }));
    return messages;
  }

  #hasRoomFor(queue: MessageQueue): boolean {
    if (this.#sent.length === 0) return true;
    const { maxQueue, maxQueueBytes } = this.#session.bounds;
    if (maxQueue > 0 && this.#sent.length + queue.size > maxQueue) return false;
    const bytes = this.#sent.reduce((sum, one) => sum + one.message.size, queue.bytes);
    return maxQueueBytes <= 0 || bytes <= maxQueueBytes;
  }

  #notify(name: keyof AcknowledgedMessagesEvents, messages: readonly ServerMessage[], batch: number): void {
    const listeners = this.#listeners.of(name);
    if (listeners.length === 0) return;
    this.#session.diagnostics.notify(`ack listener '${name}'`, listeners, this.#session, messages, batch);
  }
}
