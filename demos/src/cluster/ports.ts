/** Ports for nodes that must know each other's URLs before any of them listens. */

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** One that nobody has at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
