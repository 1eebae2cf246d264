/** Ports for nodes that must know each other's URLs before any of them listens. */

import { createServer } from 'node:net';

/** Below the range from which systems take ports for outgoing connections: so none of those takes one before its node listens. */
const range = { from: 20_000, size: 12_000 } as const;

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
