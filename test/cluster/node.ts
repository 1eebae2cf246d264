/** One node of a cluster as a process of its own: it does what its parent asks, and tells what happens. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Oort, Seti } from '@cometd-ts/oort';
import { meshEngine } from '@cometd-ts/oort/mesh';
import { natsEngine } from '@cometd-ts/oort/nats';
import { AcknowledgedMessagesExtension, BayeuxServer, type LocalSession } from '@cometd-ts/server';
import type { Plan, Report, Request } from './words.ts';

const plan = JSON.parse(process.argv[2] ?? '') as Plan;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function tell(report: Report): void {
  process.send?.(report);
}

const server = new BayeuxServer({ logLevel: 'error', maxPublishRate: -1, maxSubscribeRate: -1, ...plan.server });
server.addExtension(new AcknowledgedMessagesExtension());
const listener = createServer();
server.attach(listener);
await new Promise<void>((resolve) => listener.listen(plan.port, '127.0.0.1', resolve));
const { port } = listener.address() as AddressInfo;
const url = `http://127.0.0.1:${port}/cometd`;
const address = (other: string): string => plan.addresses[other] ?? other;
const engine = plan.nats ? natsEngine(plan.nats) : meshEngine({ secret: 'cluster test', address });
const oort = new Oort(server, { url, engine, channels: plan.channels });
for (const [event, word] of [
  ['cometJoined', 'joined'],
  ['cometLeft', 'left'],
] as const)
  oort.addListener(event, (member) => tell({ event: word, url: member.url, id: member.id }));
await oort.start();
const seti = new Seti(oort);
seti.addListener('presenceAdded', ({ userId, url: at }) => tell({ event: 'present', user: userId, url: at }));
seti.addListener('presenceRemoved', ({ userId, url: at }) => tell({ event: 'absent', user: userId, url: at }));
await seti.start();
const users = new Map<string, LocalSession>();

/** What a parent may ask. */
const deeds: Record<string, (...args: never[]) => unknown> = {
  observe: (other: string) => oort.observeComet(other),
  deobserve: (other: string) => oort.deobserveComet(other),
  addresses: (more: Record<string, string>) => void Object.assign(plan.addresses, more),
  members: () => oort.members,
  status: () => oort.status,
  counters: () => Object.fromEntries(server.diagnostics.counters),
  sessions: () => server.sessions.filter(({ isNode }) => isNode).length,
  publish: (channel: string, data: unknown) => server.createChannelIfAbsent(channel).channel.publish(null, data),
  enter: async (user: string) => {
    const session = server.newLocalSession(user);
    await session.handshake();
    users.set(user, session);
    session.getChannel('/service/msg').addListener((_channel, { data }) => tell({ event: 'message', user, data }));
    return seti.associate(user, session.serverSession);
  },
  leave: async (user: string) => {
    await users.get(user)?.disconnect();
    users.delete(user);
  },
  users: () => [...seti.userIds].sort(),
  send: (user: string, data: unknown) => seti.sendMessage(user, '/service/msg', data),
  /** What it holds, in bytes, after all that can be freed is. */
  heap: async () => {
    for (let each = 0; each < 3; each++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return process.memoryUsage().heapUsed;
  },
  stop: async () => {
    await seti.stop();
    await oort.stop();
    await server.stop();
    setImmediate(() => process.exit(0));
  },
};

process.on('message', async ({ id, deed, args }: Request) => {
  try {
    const act = deeds[deed];
    if (!act) throw new TypeError(`A node cannot ${deed}`);
    tell({ event: 'done', id, value: await act(...(args as never[])) });
  } catch (error) {
    tell({ event: 'failed', id, reason: String(error) });
  }
});
process.on('disconnect', () => process.exit(0));
tell({ event: 'ready', url, id: oort.id });
