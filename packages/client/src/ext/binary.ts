/** Bytes as data of messages: Z85 text on the wire, an `ArrayBuffer` for the application. */
import { Z85 } from '@cometd-ts/protocol';
import type { Message } from '../message.ts';
import { Extension } from './extension.ts';

/** What can be sent as bytes: a buffer, the part of one that a view shows, or numbers from 0 to 255. */
export type Bytes = ArrayBuffer | ArrayBufferView | readonly number[];

/**
 * Encodes and decodes `data.data` of messages that are marked with `ext.binary`, as `publishBinary` and
 * `remoteCallBinary` mark them. Throws `TypeError` for an outgoing message that is marked and has no bytes,
 * `RangeError` for an incoming one whose text is not Z85. Book section 10.6.
 */
export class BinaryExtension extends Extension {
  override incoming(message: Message): Message {
    const chunk = chunkOf(message);
    if (typeof chunk?.data === 'string') message.data = { ...chunk, data: bufferOf(Z85.decode(chunk.data)) };
    return message;
  }

  override outgoing(message: Message): Message {
    const chunk = chunkOf(message);
    // The chunk is copied, because the application may use it again.
    if (chunk) message.data = { ...chunk, data: Z85.encode(bytesOf(chunk.data)) };
    return message;
  }
}

/** The data of a message that is marked as binary. */
function chunkOf(message: Message): { data?: unknown } | undefined {
  return message.ext?.binary && !message.channel.startsWith('/meta/') ? Object(message.data) : undefined;
}

function bytesOf(value: unknown): Uint8Array {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value) || isBuffer(value)) return new Uint8Array(value);
  throw new TypeError(`Cannot Z85 encode ${value}`);
}

/** A buffer may come from another window, whose `ArrayBuffer` is not ours. */
function isBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  const whole = buffer as ArrayBuffer;
  return byteLength === whole.byteLength ? whole : whole.slice(byteOffset, byteOffset + byteLength);
}
