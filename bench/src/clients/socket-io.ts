/** The client of Socket.IO, over one transport, which is not upgraded. */
import { io } from 'socket.io-client';
import type { Connect } from './peer.ts';
import type { Chat } from './scenarios.ts';

export const connect: Connect = async (origin, transport, lost) => {
  const socket = io(origin, { transports: [transport === 'websocket' ? 'websocket' : 'polling'], upgrade: false });
  socket.on('disconnect', lost);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return {
    // Whoever is connected receives.
    subscribe: async (heard) => {
      socket.on('message', (chat: Chat) => heard(chat));
    },
    publish: (chat, done) => {
      socket.emit('publish', chat, done);
    },
  };
};
