/** A client that had to fall back goes forward again, if it was asked to. */
import { BayeuxClient, CometD, nodePlatform, type Platform, UpgradeExtension } from '@cometd-ts/client/node';
import { launch } from '@cometd-ts/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { Ear } from './watched.ts';

async function serve() {
  const server = await launch({ options: { timeout: 100 } });
  onTestFinished(() => server.close());
  return server;
}

/** The network of Node.js, whose WebSockets fail until they are allowed. */
function platform(): { platform: Platform; allow(): void; tried(): number } {
  const real = nodePlatform();
  let allowed = false;
  let tries = 0;
  return {
    allow: () => {
      allowed = true;
    },
    tried: () => tries,
    platform: {
      ...real,
      openWebSocket(url, protocol, headers) {
        tries++;
        return real.openWebSocket(allowed ? url : url.replace(/:\d+/, ':1'), protocol, headers);
      },
    },
  };
}

it('BayeuxClient takes WebSocket when it works again, with its subscriptions, and says that it is a new session', async () => {
  const server = await serve();
  const network = platform();
  const client = new BayeuxClient(server.url, {
    platform: network.platform,
    extensions: [new UpgradeExtension({ after: 50 })],
  });
  onTestFinished(() => client.abort());
  const ear = new Ear();
  await client.handshake();
  await client.waitFor('connected');
  expect([client.transport, client.status.type]).toEqual(['long-polling', 'degraded']);
  await client.getChannel('/room').subscribe(ear.listen);
  const before = client.id;
  // Probes that fail change nothing.
  await expect.poll(() => network.tried()).toBeGreaterThan(2);
  expect([client.transport, client.id]).toEqual(['long-polling', before]);

  const back = new Promise((resolve) =>
    client.addListener('status', (one) => one.type === 'connected' && resolve(one)),
  );
  network.allow();
  expect(await back).toMatchObject({ transport: 'websocket', recovered: false, gap: true });
  expect(client.id).not.toBe(before);
  await client.getChannel('/room').publish('still here');
  await ear.hears('still here');
  expect(client.status.type).toBe('connected');
});

it('CometD takes it, too, and shakes hands as after any lost session', async () => {
  const server = await serve();
  const network = platform();
  const cometd = new CometD();
  cometd._engine.platform = network.platform;
  cometd.configure({ url: server.url, logLevel: 'error' });
  cometd.registerExtension('upgrade', new UpgradeExtension({ after: 50 }));
  onTestFinished(() => cometd.disconnect());
  const connects: (string | undefined)[] = [];
  const upgraded = new Promise<void>((resolve) => {
    cometd.addListener('/meta/connect', () => {
      connects.push(cometd.getTransport()?.type ?? undefined);
      if (connects.at(-1) === 'websocket') resolve();
      network.allow();
    });
  });
  cometd.handshake();
  await upgraded;
  expect(connects[0]).toBe('long-polling');
});

it('without the extension a client keeps what it has', async () => {
  const server = await serve();
  const network = platform();
  const client = new BayeuxClient(server.url, { platform: network.platform });
  onTestFinished(() => client.abort());
  await client.handshake();
  await client.waitFor('connected');
  network.allow();
  for (let turn = 0; turn < 3; turn++) await client.getChannel('/a').publish(turn);
  expect([client.transport, network.tried()]).toEqual(['long-polling', 1]);
});
