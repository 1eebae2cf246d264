/** Frames as a server sends them, and the words of the protocol. RFC 6455, 5.2 and 7.4. */

/** What a frame is. */
export const Opcode = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** Longest reason in a close frame, in bytes. */
const REASON_LENGTH = 123;

/** Why a connection is closed: by a peer that breaks the protocol or a limit. */
export class WebSocketError extends Error {
  /** The code of the close frame. */
  readonly code: number;
  /** The option whose limit was hit. */
  readonly limit: string | undefined;

  constructor(code: number, message: string, limit?: string) {
    super(message);
    this.code = code;
    this.limit = limit;
  }
}

/** Whether a close frame may carry this code. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** Room for a frame with its head written, and where its payload begins. `first` is its first byte, `maskLength` the room for a mask. */
export function headed(first: number, length: number, maskLength = 0): { readonly frame: Buffer; readonly at: number } {
  const at = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(at + maskLength + length);
  frame[0] = first;
  if (at === 2) frame[1] = length;
  else if (at === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    frame.writeUInt32BE(length >>> 0, 6);
  }
  return { frame, at: at + maskLength };
}

const FINAL = 0x80;
const FINAL_TEXT = FINAL | Opcode.text;

/** One final text frame. It is shared: nobody may write into it. */
export function textFrame(text: string): Buffer {
  const { frame, at } = headed(FINAL_TEXT, Buffer.byteLength(text));
  frame.write(text, at, 'utf8');
  return frame;
}

/** A ping, or the pong that answers one. At most 125 bytes. */
export function controlFrame(opcode: typeof Opcode.ping | typeof Opcode.pong, payload: Buffer): Buffer {
  const { frame, at } = headed(FINAL | opcode, payload.length);
  payload.copy(frame, at);
  return frame;
}

/** A close frame; without code when it is 1005, which says so. A reason that is too long is cut. */
export function closeFrame(code: number, reason: string): Buffer {
  if (code === 1005) return headed(FINAL | Opcode.close, 0).frame;
  let shown = reason;
  while (Buffer.byteLength(shown) > REASON_LENGTH) shown = `${shown.slice(0, -10)}…`;
  const { frame, at } = headed(FINAL | Opcode.close, 2 + Buffer.byteLength(shown));
  frame.writeUInt16BE(code, at);
  frame.write(shown, at + 2, 'utf8');
  return frame;
}

const MASKED = 0x80;
const MASK_LENGTH = 4;

/** A frame as a client sends it, for where nobody is between who could be deceived by it: its mask is zero. */
export function clientFrame(opcode: number, data: Buffer): Buffer {
  const { frame, at } = headed(FINAL | opcode, data.length, MASK_LENGTH);
  frame[1] = MASKED | (frame[1] as number);
  frame.fill(0, at - MASK_LENGTH, at);
  data.copy(frame, at);
  return frame;
}
