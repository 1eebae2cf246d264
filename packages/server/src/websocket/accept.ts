/** How a WebSocket begins: the request to open one, and what it is answered. RFC 6455, 4.2. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { agreement, isOffered } from './deflate.ts';

/** Why a request opens no WebSocket, as HTTP has it. */
export interface Refusal {
  readonly status: 400 | 405 | 426;
  readonly reason: string;
  readonly headers: readonly string[];
}

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const VERSION = '13';
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** What is wrong with a request, or null. */
export function refusalOf({ method, headers }: IncomingMessage): Refusal | null {
  if (method !== 'GET') return refusal(405, 'A WebSocket is opened by GET', 'Allow: GET');
  if (headers.upgrade?.toLowerCase() !== 'websocket') return refusal(400, 'The header Upgrade must be websocket');
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    return refusal(400, 'The header Sec-WebSocket-Key must be 16 bytes in base64');
  if (headers['sec-websocket-version'] !== VERSION)
    return refusal(426, `The header Sec-WebSocket-Version must be ${VERSION}`, `Sec-WebSocket-Version: ${VERSION}`);
  return null;
}

function refusal(status: Refusal['status'], reason: string, ...headers: string[]): Refusal {
  return { status, reason, headers };
}

/** The subprotocols that a request offers. */
export function offeredProtocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'];
  return header === undefined ? [] : header.split(',').map((one) => one.trim());
}

/** Opens the WebSocket of a request that is in order; answers whether its messages may be compressed. */
export function accept(request: IncomingMessage, socket: Duplex, protocol: string | null, compress: boolean): boolean {
  const { headers } = request;
  const digest = createHash('sha1').update(`${headers['sec-websocket-key']}${MAGIC}`).digest('base64');
  const compresses = compress && isOffered(headers['sec-websocket-extensions']);
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${digest}`,
  ];
  if (protocol !== null) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  if (compresses) lines.push(`Sec-WebSocket-Extensions: ${agreement}`);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return compresses;
}
