/** Socket.IO over WebSocket only, uncompressed: what is published goes to everybody; a publish with an id is acknowledged. */
import { Server } from 'socket.io';
import { createListener, listen } from './listener.ts';
import type { Start } from './start.ts';

export const start: Start = async (scenario) => {
  const listener = await createListener(scenario);
  const io = new Server(listener, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
  io.on('connection', (socket) => {
    socket.on('publish', (message: unknown, acknowledge?: () => void) => {
      if (acknowledge) acknowledge();
      else io.emit('message', message);
    });
  });
  return { port: await listen(listener) };
};
