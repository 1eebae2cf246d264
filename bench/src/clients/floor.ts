/** The limit: what a Bayeux client over WebSocket costs that parses, counts and knows nothing. No timers, no extensions. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { CHANNEL } from '../scenarios.ts';
import type { Connect } from './peer.ts';
import type { Chat } from './scenarios.ts';

interface Message {
  readonly channel: string;
  readonly id?: string;
  readonly clientId?: string;
  readonly successful?: boolean;
  readonly data?: Chat;
}

export const connect: Connect = async (origin, _transport, lost) => {
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/cometd`, { perMessageDeflate: false });
  await once(socket, 'open');
  socket.on('close', () => lost('closed'));
  const waiting = new Map<string, (reply: Message) => void>();
  let hear: ((chat: Chat) => void) | undefined;
  let clientId: string | undefined;
  let lastId = 0;

  const ask = (message: object, done: (reply: Message) => void): void => {
    const id = String(++lastId);
    waiting.set(id, done);
    socket.send(JSON.stringify([{ ...message, id, clientId }]));
  };
  socket.on('message', (bytes: Buffer) => {
    for (const message of JSON.parse(bytes.toString()) as readonly Message[]) {
      if (message.data !== undefined) hear?.(message.data);
      else if (message.successful !== true) lost(JSON.stringify(message));
      else if (message.id !== undefined) {
        const done = waiting.get(message.id);
        waiting.delete(message.id);
        done?.(message);
      }
    }
  });
  const stay = (): void => ask({ channel: '/meta/connect', connectionType: 'websocket' }, stay);

  const handshake = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['websocket'] };
  clientId = (await new Promise<Message>((resolve) => ask(handshake, resolve))).clientId;
  stay();
  return {
    subscribe: async (heard) => {
      hear = heard;
      await new Promise<Message>((resolve) => ask({ channel: '/meta/subscribe', subscription: CHANNEL }, resolve));
    },
    publish: (data, done) => ask({ channel: CHANNEL, data }, done),
  };
};
