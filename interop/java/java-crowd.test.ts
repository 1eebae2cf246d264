/** The load of the book's chapter 11, by a crowd of Java clients at our server: every member hears every message once and in order. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { AcknowledgedMessagesExtension } from '@cometd-ts/server';
import { type Launched, launch } from '@cometd-ts/testkit';
import { afterEach, expect, it } from 'vitest';
import { launchJava } from './launch-java.ts';

const crowd = { clients: 50, rooms: 10, roomsPerClient: 5, batches: 200, batchSize: 10 } as const;
/** Each room is joined by as many clients as join it first, second and so on. */
const heard = crowd.batches * crowd.batchSize * ((crowd.clients * crowd.roomsPerClient) / crowd.rooms);

let server: Launched | undefined;
afterEach(() => server?.close());

it.each([
  ['websocket', false],
  ['websocket', true],
  ['long-polling', true],
])('fifty Java clients chat in their rooms over %s, acknowledged: %s', async (transport, ack) => {
  server = await launch({
    prepare: (bayeux) => {
      if (ack) bayeux.addExtension(new AcknowledgedMessagesExtension());
    },
  });
  const { clients, rooms, roomsPerClient, batches, batchSize } = crowd;
  const numbers = [clients, rooms, roomsPerClient, batches, batchSize].map(String);
  const visitors = launchJava('CrowdCheck', server.url, transport, ...numbers, String(ack));
  const gone = once(visitors, 'exit');
  const report: string[] = [];
  for await (const line of createInterface({ input: visitors.stdout })) report.push(line);
  expect(report).toEqual([
    `ready ${clients}`,
    `sent ${batches * batchSize} refused 0 expected ${heard} received ${heard} repeated 0 disordered 0`,
  ]);
  expect(await gone).toEqual([0, null]);
  expect(server.bayeux.sessions).toEqual([]);
});
