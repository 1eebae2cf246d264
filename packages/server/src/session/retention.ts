/** Keeps what a session's client may not have received yet. An extension fits this interface; the session knows no extension. */
import type { ServerMessage } from '../message.ts';
import type { MessageQueue } from './queue.ts';

/**
 * What a session asks when its messages leave. Whatever is taken has to travel in one piece with `replies`, so that a
 * client gets either all of it or nothing.
 */
export interface Retention {
  /** Whether the client has everything that was sent. */
  readonly isSettled: boolean;
  /** Messages it may not have. */
  readonly size: number;
  /** The messages that leave together with `replies`. `dequeue` empties the queue, and lets its listeners see it before. */
  take(
    queue: MessageQueue,
    replies: readonly ServerMessage[],
    dequeue: () => readonly ServerMessage[],
  ): readonly ServerMessage[];
}
