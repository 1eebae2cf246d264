/** Ports for servers that must be found at the same place after a restart, and must know of each other before they listen. */
import { createServer } from 'node:net';

/** Below the range from which systems take ports for outgoing connections: so none of those takes one while its server is down. */
const range = { from: 12_000, size: 8_000 } as const;

/** One that nobody has at this moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = range.from + Math.floor(Math.random() * range.size);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
