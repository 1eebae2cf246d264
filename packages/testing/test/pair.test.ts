import { pair } from '@cometd-ts/testing';
import { expect, it } from 'vitest';

it.each(['websocket', 'long-polling'] as const)('talks over %s without a socket', async (transport) => {
  await using app = pair({ client: { transports: [transport] } });
  const { client } = app;
  await client.handshake();
  const got = new Promise((resolve) => client.getChannel('/a').subscribe((m) => resolve(m.data)));
  await client.getChannel('/a').publish({ x: 1 });
  expect(await got).toEqual({ x: 1 });
  expect(client.transport).toBe(transport);
  await client.disconnect();
  expect(app.server.sessions).toEqual([]);
});
