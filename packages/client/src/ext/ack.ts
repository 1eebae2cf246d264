/** Acknowledged delivery: tells the server which batch of messages arrived last, so that it can send again what did not. */
import type { Message } from '../message.ts';
import { Extension, putExt } from './extension.ts';

/**
 * Numbers travel in `ext.ack` of connects; nothing is said of single messages.
 *
 *     connect  ext.ack: 3  ──▶             "3 is the last I have"
 *                          ◀──  connect  ext.ack: 4, and the messages of batch 4
 *     connect  ext.ack: 4  ──▶
 *
 * From server to client no message is lost or overtaken while the session lives, provided that the server has its half
 * of the extension: it then delivers with replies to connects only. Set `ackEnabled` of the client to `false` to do
 * without. Book section 10.5.
 */
export class AckExtension extends Extension {
  #supported = false;
  #batch = 0;

  override incoming(message: Message): Message {
    const ack = message.ext?.ack;
    if (message.channel === '/meta/handshake') this.#agree(ack);
    else if (message.channel === '/meta/connect' && message.successful && this.#supported && typeof ack === 'number') {
      this.#batch = ack;
    }
    return message;
  }

  override outgoing(message: Message): Message {
    if (message.channel === '/meta/handshake') {
      this.#supported = false;
      this.#batch = 0;
      putExt(message, 'ack', this.cometd?.ackEnabled !== false);
    } else if (message.channel === '/meta/connect' && this.#supported) putExt(message, 'ack', this.#batch);
    return message;
  }

  /** Newer servers answer with an object, which may say where to begin; older ones with true. */
  #agree(ack: unknown): void {
    const { enabled = ack, batch } = Object(ack) as { enabled?: unknown; batch?: unknown };
    this.#supported = enabled === true;
    if (typeof batch === 'number') this.#batch = batch;
    this.cometd?._debug('AckExtension: server acknowledges', this.#supported, 'from batch', this.#batch);
  }
}
