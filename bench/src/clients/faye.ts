/** The client of Faye, with its defaults. */
import faye from 'faye';
import { CHANNEL } from '../scenarios.ts';
import type { Connect } from './peer.ts';
import type { Chat } from './scenarios.ts';

export const connect: Connect = async (origin, transport, lost) => {
  const client = new faye.Client(`${origin}/cometd`);
  // Long-polling cannot be disabled: it carries the handshake before a WebSocket is opened.
  if (transport !== 'websocket') client.disable('websocket');
  client.disable('eventsource');
  client.on('transport:down', () => lost('transport:down'));
  await new Promise<void>((resolve) => client.connect(resolve));
  return {
    subscribe: async (heard) => {
      await client.subscribe(CHANNEL, (data) => heard(data as Chat));
    },
    publish: (chat, done) => {
      client.publish(CHANNEL, chat).then(done, lost);
    },
  };
};
