/**
 * Compressed messages: permessage-deflate without context takeover, RFC 7692. No connection keeps any state, so that a frame is
 * compressed once for all who get it.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { headed, Opcode, textFrame, WebSocketError } from './frame.ts';

/** What is agreed on with a client. */
export const agreement = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

/** Shorter texts hardly become any shorter. In bytes. */
const THRESHOLD = 1_024;
const FINAL_COMPRESSED_TEXT = 0x80 | 0x40 | Opcode.text;
/** How a message ends, which is not sent. RFC 7692, 7.2.1. */
const tail = Buffer.from([0, 0, 0xff, 0xff]);

const parameters = new Set(['server_no_context_takeover', 'client_no_context_takeover', 'client_max_window_bits']);

/** Whether a client offers what we agree on: our window stays as it is. The header is `Sec-WebSocket-Extensions`. */
export function isOffered(header: string | undefined): boolean {
  return (header ?? '').split(',').some((offer) => {
    const [name, ...given] = offer.split(';').map((part) => part.split('=', 1)[0]?.trim().toLowerCase() ?? '');
    return name === 'permessage-deflate' && given.every((parameter) => parameters.has(parameter));
  });
}

/** A final text frame, compressed when that is worth it. It is shared: nobody may write into it. */
export function deflatedFrame(text: string): Buffer {
  if (Buffer.byteLength(text) < THRESHOLD) return textFrame(text);
  const deflated = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
  const length = deflated.length - tail.length;
  const { frame, at } = headed(FINAL_COMPRESSED_TEXT, length);
  deflated.copy(frame, at, 0, length);
  return frame;
}

/** What a compressed message says. Throws `WebSocketError` for what cannot be inflated, or has more bytes than `most` (≤ 0: any number). */
export function inflated(data: Buffer, most: number): Buffer {
  const bound = most > 0 ? { maxOutputLength: most } : {};
  try {
    return inflateRawSync(Buffer.concat([data, tail]), { ...bound, finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new WebSocketError(
        1009,
        `The message is larger than ${most} bytes (limit maxMessageSize)`,
        'maxMessageSize',
      );
    throw new WebSocketError(1007, 'The message cannot be inflated');
  }
}
