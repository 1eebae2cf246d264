/** A node of ours: it does what the lines on its stdin ask, and answers each, as java/BenchNode.java does. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { hasComets, Oort, OortStringMap, Seti } from '@cometd-ts/oort';
import { meshEngine } from '@cometd-ts/oort/mesh';
import { natsEngine } from '@cometd-ts/oort/nats';
import { BayeuxServer, type LocalSession } from '@cometd-ts/server';

/** `way` is `ack`, `no-ack`, or the URL of NATS. */
const [channel = '', way = ''] = process.argv.slice(2);
const isOnNats = way.startsWith('nats:');
/** What only those nodes hear that have subscribers, where the engine can do that. */
const rooms = '/rooms/**';
const USERS_OF_SESSION = 100;

// No rates: nobody else's are bounded. What nodes push to each other is long.
const server = new BayeuxServer({ maxPublishRate: -1, maxHandshakeRate: -1, maxMessageSize: 67_108_864 });
const http = createServer();
server.attach(http, { path: '/cometd' });
await new Promise<void>((resolve) => {
  http.listen({ port: 0, host: '127.0.0.1' }, resolve);
});
const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/cometd`;
const oort = new Oort(server, {
  url,
  engine: isOnNats
    ? natsEngine({ servers: way, interest: [rooms] })
    : meshEngine({ secret: 'bench', ack: way === 'ack' }),
  channels: isOnNats ? [channel] : [channel, rooms],
});

let members = 0;
let present = 0;
let heard = 0;
let waiting: { readonly id: string; readonly is: () => boolean }[] = [];
const sessions: LocalSession[] = [];

oort.addListener('cometJoined', () => happened(() => members++));
oort.addListener('cometLeft', () => happened(() => members--));
await oort.start();
const seti = new Seti(oort);
for (const [event, step] of [
  ['presenceAdded', 1],
  ['presenceRemoved', -1],
] as const) {
  seti.addListener(event, ({ isLocal }) => {
    if (isLocal) return;
    happened(() => {
      present += step;
      heard++;
    });
  });
}
await seti.start();
const map = new OortStringMap<string>(oort, 'bench');
map.addListener('updated', () => happened());
await map.start();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function happened(what?: () => void): void {
  what?.();
  if (waiting.length === 0) return;
  waiting = waiting.filter(({ id, is }) => {
    if (!is()) return true;
    say(id);
    return false;
  });
}

function when(id: string, is: () => boolean): void {
  waiting.push({ id, is });
  happened();
}

async function newSession(): Promise<LocalSession> {
  const session = server.newLocalSession('users');
  await session.handshake();
  sessions.push(session);
  return session;
}

async function associate(count: number): Promise<void> {
  let session = await newSession();
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % USERS_OF_SESSION === 0) session = await newSession();
    seti.associate(`user-${i}`, session.serverSession);
  }
}

async function churn(count: number): Promise<void> {
  const { serverSession } = sessions[0] ?? (await newSession());
  for (let i = 0; i < count; i++) {
    seti.associate(`guest-${i}`, serverSession);
    seti.disassociate(`guest-${i}`, serverSession);
  }
}

async function obey(id: string, deed: string, what: string): Promise<void> {
  const count = Number(what);
  switch (deed) {
    case 'observe':
      if (hasComets(oort.engine)) oort.observeComet(what);
      return say(id);
    case 'members':
      return when(id, () => members === count);
    case 'stop':
      await seti.stop();
      await oort.stop();
      return say(id);
    case 'fill':
      await map.setAndShare(
        new Map(Array.from({ length: count }, (_, i) => [`key-${i}`, `value of the entry ${i}`] as const)),
      );
      return say(id);
    case 'equal':
      return when(id, () => map.getInfos().some(({ isLocal, object }) => !isLocal && object.size === count));
    case 'users':
      await associate(count);
      return say(id);
    case 'present':
      return when(id, () => present >= count);
    case 'churn':
      await churn(count);
      return say(id);
    case 'heard':
      return when(id, () => heard >= count);
    case 'forget':
      heard = 0;
      return say(id);
    default:
      throw new TypeError(`A node cannot ${deed}`);
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [id = '', deed = '', what = ''] = line.split(' ');
    obey(id, deed, what).catch((error: unknown) => say(`${id} ! ${String(error)}`));
  })
  .on('close', () => process.exit());
say(`ready ${url}`);
