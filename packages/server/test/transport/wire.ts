/** WebSocket frames with bare hands: built masked, as clients send them, and taken apart strictly. RFC 6455, section 5. */

export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

export interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Buffer;
}

const mask = Buffer.from([1, 2, 3, 4]);

/** A frame of a client. `length` announces another length than the payload has. */
export function maskedFrame(
  opcode: number,
  payload: string | Buffer,
  { fin = true, rsv = 0, length }: { fin?: boolean; rsv?: number; length?: bigint } = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const size = length ?? BigInt(bytes.length);
  const head = Buffer.alloc(size < 126n ? 2 : size < 65_536n ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | rsv | opcode;
  head[1] = 0x80 | (size < 126n ? Number(size) : size < 65_536n ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(Number(size), 2);
  if (head.length === 10) head.writeBigUInt64BE(size, 2);
  return Buffer.concat([head, mask, bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]);
}

/** The whole frames at the beginning of what a server sent, and the bytes after them. Throws where a frame is not one. */
export function framesOf(bytes: Buffer): { readonly frames: Frame[]; readonly rest: Buffer } {
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= 2) {
    const [first = 0, second = 0] = bytes.subarray(at, at + 2);
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0 || (second & 0x80) !== 0 || ![TEXT, BINARY, CLOSE, PING, PONG].includes(opcode))
      throw new Error(`no frame begins at byte ${at}: ${bytes.subarray(at, at + 16).toString('hex')}`);
    const short = second & 0x7f;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length - at < header) break;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    if (bytes.length - at < header + length) break;
    const payload = bytes.subarray(at + header, at + header + length);
    frames.push({ opcode, fin: (first & 0x80) !== 0, payload });
    at += header + length;
  }
  return { frames, rest: bytes.subarray(at) };
}

/** The code in the payload of a close frame. */
export function closeCode({ payload }: Frame): number {
  return payload.length < 2 ? 1005 : payload.readUInt16BE(0);
}

/** The request that opens a WebSocket over HTTP/1.1. */
export function upgradeRequest(path = '/cometd', headers: Readonly<Record<string, string | undefined>> = {}): string {
  const all = {
    host: '127.0.0.1',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AQIDBAUGBwgJCgsMDQ4PEA==',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
