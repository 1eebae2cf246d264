/** A node of Socket.IO with its Redis adapter: it obeys the lines that it can, as node.ts does. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const [, way = ''] = process.argv.slice(2);
const publisher = createClient({ url: way });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
  adapter: createAdapter(publisher, subscriber),
});
io.on('connection', (socket) => {
  socket.on('publish', (message: unknown) => io.emit('message', message));
});
await new Promise<void>((resolve) => {
  http.listen({ port: 0, host: '127.0.0.1' }, resolve);
});

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function members(count: number): Promise<void> {
  while ((await io.of('/').adapter.serverCount()) !== count + 1)
    await new Promise((resolve) => setTimeout(resolve, 20));
}

async function obey(id: string, deed: string, what: string): Promise<void> {
  switch (deed) {
    case 'observe':
      return say(id);
    case 'members':
      await members(Number(what));
      return say(id);
    case 'stop':
      await Promise.all([publisher.quit(), subscriber.quit()]);
      return say(id);
    default:
      throw new TypeError(`A node of Socket.IO cannot ${deed}`);
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [id = '', deed = '', what = ''] = line.split(' ');
    obey(id, deed, what).catch((error: unknown) => say(`${id} ! ${String(error)}`));
  })
  .on('close', () => process.exit());
say(`ready http://127.0.0.1:${(http.address() as AddressInfo).port}/`);
