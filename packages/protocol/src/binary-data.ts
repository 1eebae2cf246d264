/** Bytes as the data of a message: a chunk, whether it is the last one, and what the application says about it. */
import { isPlainObject } from './codec.ts';
import { BayeuxError } from './error.ts';
import { isMeta, type Message } from './message.ts';
import { Z85 } from './z85.ts';

/** One chunk of bytes. On the wire `data` is Z85 text, and `ext.binary` marks the message. */
export interface BinaryData {
  data: Uint8Array;
  /** Whether no chunk follows. */
  last: boolean;
  meta?: Record<string, unknown>;
}

/** Whether a message's data is a chunk of bytes. */
export function isBinaryData(value: unknown): value is BinaryData {
  if (value === null || typeof value !== 'object') return false;
  const { data, last, meta } = value as Partial<Record<keyof BinaryData, unknown>>;
  return data instanceof Uint8Array && typeof last === 'boolean' && (meta === undefined || isPlainObject(meta));
}

/** Whether a message is marked as carrying encoded bytes. Meta messages never do. */
export function isBinaryMessage(message: Message): boolean {
  const ext = message.ext;
  if (isMeta(message.channel) || !isPlainObject(ext) || !Object.hasOwn(ext, 'binary')) return false;
  return ext.binary !== null && ext.binary !== undefined;
}

/**
 * Turns the encoded bytes of a marked message into `BinaryData` and takes the mark away; other messages stay as they are.
 * Throws `BayeuxError` with code `message_invalid` for data that is not such a chunk, and leaves the message alone then.
 */
export function decodeBinary(message: Message): void {
  if (!isBinaryMessage(message)) return;
  const data = read(message.data);
  const { binary: _, ...ext } = message.ext as Record<string, unknown>;
  message.data = data;
  message.ext = ext;
}

function read(value: unknown): BinaryData {
  if (!isPlainObject(value) || typeof value.data !== 'string') throw new BayeuxError('message_invalid', ['data']);
  const { data, last = true, meta = null, ...others } = value;
  if (typeof last !== 'boolean') throw new BayeuxError('message_invalid', ['data.last']);
  if (meta !== null && !isPlainObject(meta)) throw new BayeuxError('message_invalid', ['data.meta']);
  const chunk = { ...others, data: bytesOf(data as string), last };
  return meta === null ? chunk : { ...chunk, meta };
}

function bytesOf(text: string): Uint8Array {
  try {
    return Z85.decode(text);
  } catch (cause) {
    throw new BayeuxError('message_invalid', ['data.data'], { cause });
  }
}

/**
 * Turns the `BinaryData` of a message into its form on the wire and marks the message. The chunk and the `ext` object
 * are copied, because others may hold them. Other messages, and meta messages, stay as they are.
 */
export function encodeBinary(message: Message): void {
  const { data } = message;
  if (isMeta(message.channel) || !isBinaryData(data)) return;
  message.data = { ...data, data: Z85.encode(data.data) };
  message.ext = { ...message.ext, binary: {} };
}
