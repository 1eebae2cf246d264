/** A connection that costs next to nothing: all share one buffer to receive in, and raise no events for what comes. */
import { connect, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** What is still needed when a callback returns must be copied. */
const received: Buffer = Buffer.allocUnsafe(1 << 20);

/** Where a client goes, and from where. */
export interface Route {
  readonly port: number;
  readonly tls?: boolean;
  /** One of the loopback addresses: each has ports for some 28,000 connections to one server. */
  readonly from?: string;
}

export interface LineOptions extends Route {
  /** What is to be spoken over TLS. */
  readonly protocol?: string;
  /** Valid only during the call; when it answers false no more is read, for good. */
  readonly onBytes: (bytes: Buffer) => boolean;
  readonly onLost: (error: Error) => void;
}

export function openLine({ port, tls = false, from, protocol, onBytes, onLost }: LineOptions): Socket {
  const onread: OnReadOpts = { buffer: received, callback: (length) => onBytes(received.subarray(0, length)) };
  const address = { port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }), onread };
  const socket = tls
    ? connectTls({
        ...address,
        rejectUnauthorized: false,
        ...(protocol !== undefined && { ALPNProtocols: [protocol] }),
      })
    : connect(address);
  socket.setNoDelay(true);
  socket.on('error', onLost);
  socket.on('close', () => onLost(new Error('The server closed the connection')));
  return socket;
}
