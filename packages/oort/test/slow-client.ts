/** A client with acknowledged messages that takes its time between two connects, as behind a long way. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { AcknowledgedMessagesExtension, type BayeuxServer } from '@cometd-ts/server';
import { openSession, type RawSession, type RawWebSocket, type WireMessage } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';

/** What it has heard on a channel, as it grows. @param delay before each connect, in ms */
export async function slowClient(server: BayeuxServer, channel: string, delay: number): Promise<readonly unknown[]> {
  const listener = createServer();
  server.addExtension(new AcknowledgedMessagesExtension());
  server.attach(listener);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/cometd`;
  const session = (await openSession('websocket', url)) as RawSession<RawWebSocket>;
  onTestFinished(async () => {
    await session.close();
    listener.close();
  });
  const heard: unknown[] = [];
  session.client.socket.on('message', (text) => {
    for (const message of JSON.parse(String(text))) if (message.channel === channel) heard.push(message.data);
  });
  await session.handshake({ ext: { ack: true } });
  await session.subscribe(channel);
  await session.connect(0, { ext: { ack: 0 } });
  void connects(session, delay);
  return heard;
}

/** Until the connection is closed, or the session over. */
async function connects(session: RawSession<RawWebSocket>, delay: number): Promise<void> {
  for (let ack: unknown = 1, isThere = true; isThere; ) {
    await pause(delay);
    const reply = await session.connect(undefined, { ext: { ack } }).catch((): WireMessage => ({ successful: false }));
    isThere = reply.successful === true;
    ack = reply.ext?.ack;
  }
}
