/** The typed client of this project, with its defaults. */
import { BayeuxClient } from '@cometd-ts/client/node';
import { CHANNEL } from '../scenarios.ts';
import type { Connect } from './peer.ts';
import type { Chat } from './scenarios.ts';

export const connect: Connect = async (origin, transport, lost) => {
  const client = new BayeuxClient(`${origin}/cometd`, { transports: [transport] });
  client.addListener('status', (status) => {
    if (status.type !== 'connected' && status.type !== 'connecting') lost(JSON.stringify(status));
  });
  await client.handshake();
  const channel = client.getChannel(CHANNEL);
  return {
    subscribe: async (heard) => {
      await channel.subscribe((message) => heard(message.data as Chat));
    },
    publish: (chat, done) => {
      channel.publish(chat).then(done, lost);
    },
  };
};
