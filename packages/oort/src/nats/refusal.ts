/** Refuses what is published for other nodes while too much waits for them already: its publisher is told, and nobody hears it. */
import { errorText } from '@cometd-ts/protocol';
import { isReserved, type Registration, type ServerMessage, type ServerSession } from '@cometd-ts/server';
import type { EngineNode } from '../engine.ts';

/** What there is to know of the queue. */
export interface Queue {
  readonly isFull: boolean;
  /** Which option its fullness is by. */
  readonly limit: string;
}

/**
 * A listener of `/**`, which is there only while the queue fills: with a queue that is empty nothing is asked of anybody.
 * Messages of the cluster itself are not refused but dropped: objects and the like notice that something is missing, and mend it.
 */
export class Refusal {
  readonly #node: EngineNode;
  readonly #queue: Queue;
  readonly #isWanted: (channel: string) => boolean;
  #listener: Registration | null = null;

  /** @param isWanted whether other nodes observe a channel */
  constructor(node: EngineNode, queue: Queue, isWanted: (channel: string) => boolean) {
    this.#node = node;
    this.#queue = queue;
    this.#isWanted = isWanted;
  }

  /** Watches, or does not. */
  watch(isWatching: boolean): void {
    if (!isWatching) {
      this.#listener?.remove();
      this.#listener = null;
    } else
      this.#listener ??= this.#node.server
        .createChannelIfAbsent('/**')
        .channel.addListener('message', (sender, { id }, message) => this.#asked(sender, id, message));
  }

  #asked(sender: ServerSession | null, channel: string, message: ServerMessage): boolean {
    const { session, server } = this.#node;
    if (!this.#queue.isFull || sender === session.serverSession || isReserved(channel)) return true;
    if (!this.#isWanted(channel)) return true;
    const { limit } = this.#queue;
    const reply = message.associated;
    if (reply) {
      reply.successful = false;
      reply.error = errorText('overloaded', 'cluster', limit);
      reply.handled = true;
    }
    server.diagnostics.limitHit(`cluster.${limit}`, channel);
    server.diagnostics.warn(
      'oort_refused',
      `Messages for other nodes are refused: too many wait while NATS is away (option ${limit})`,
    );
    return false;
  }
}
