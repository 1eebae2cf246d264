/** Nodes of a cluster on NATS in one process, each with a way of its own to the server; closed when their test ends. */
import { Oort, type OortOptions } from '@cometd-ts/oort';
import { type NatsEngine, type NatsOptions, natsEngine } from '@cometd-ts/oort/nats';
import { BayeuxServer, type LocalSession, type Logger, type ServerOptions } from '@cometd-ts/server';
import { ToxicProxy } from '@cometd-ts/testkit';
import { onTestFinished, vi } from 'vitest';

export interface House {
  readonly server: BayeuxServer;
  readonly oort: Oort;
  readonly engine: NatsEngine;
  readonly url: string;
  /** The way to NATS. */
  readonly proxy: ToxicProxy;
  /** A client of this node. */
  readonly client: LocalSession;
  /** `joined <url>`, `left <url>`. */
  readonly life: string[];
  /** Lines of its log. */
  readonly log: string[];
}

export interface HouseOptions extends Partial<Omit<OortOptions, 'engine'>> {
  readonly server?: ServerOptions;
  readonly nats?: Partial<NatsOptions>;
  /** Before it joins. */
  readonly prepare?: (house: House) => void | Promise<void>;
}

let houses = 0;

/** A node that has started, at a server of this port. */
export async function node(
  port: number,
  { server: serverOptions, nats, prepare, ...oort }: HouseOptions = {},
): Promise<House> {
  const log: string[] = [];
  const write = (...line: unknown[]): void => void log.push(line.map(String).join(' '));
  const logger: Logger = { debug: write, info: write, warn: write, error: write };
  const server = new BayeuxServer({ logLevel: 'info', logger, ...serverOptions });
  server.start();
  const proxy = await ToxicProxy.start(port);
  const engine = natsEngine({
    servers: `nats://127.0.0.1:${proxy.port}`,
    heartbeat: 100,
    leaveAfter: 2000,
    ...nats,
    connection: { ignoreClusterUpdates: true, reconnectTimeWait: 50, reconnectJitter: 10, ...nats?.connection },
  });
  const url = oort.url ?? `http://node${++houses}.test/cometd`;
  const client = server.newLocalSession('client');
  const house: House = {
    server,
    oort: new Oort(server, { ...oort, url, engine }),
    engine,
    url,
    proxy,
    client,
    life: [],
    log,
  };
  house.oort.addListener('cometJoined', (member) => void house.life.push(`joined ${member.url}`));
  house.oort.addListener('cometLeft', (member) => void house.life.push(`left ${member.url}`));
  onTestFinished(async () => {
    await house.oort.stop();
    await server.stop();
    await proxy.close();
  });
  await client.handshake();
  await prepare?.(house);
  await house.oort.start();
  return house;
}

/** Nodes that all know each other. */
export async function nodes(port: number, ...options: readonly HouseOptions[]): Promise<House[]> {
  const all: House[] = [];
  for (const one of options) all.push(await node(port, one));
  await together(...all);
  return all;
}

/** A node whose first server of a cluster is this one; the others follow. */
export function at(urls: readonly string[], index: number, leaveAfter: number): HouseOptions {
  const servers = [...urls.slice(index), ...urls.slice(0, index)];
  return { channels: ['/x'], nats: { servers, leaveAfter, connection: { noRandomize: true } } };
}

export function together(...all: readonly House[]): Promise<void> {
  return eventually(() => {
    for (const { oort, url } of all)
      if (oort.members.length !== all.length - 1) throw new Error(`${url} knows ${oort.members.length}`);
  });
}

/** What a client of a node hears on a channel from now on. */
export function listen({ client }: House, channel: string): unknown[] {
  const heard: unknown[] = [];
  client.getChannel(channel).subscribe((_channel, { data }) => void heard.push(data));
  return heard;
}

/** Waits until what is expected is so; up to 15 s, which only a failure takes. */
export function eventually(expected: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(expected, { timeout: 15_000, interval: 5 });
}
