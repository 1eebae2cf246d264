/** Several NATS servers as one cluster: each knows the others, and what they keep is on as many as is asked. */
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { type NatsOptions, NatsServer } from './server.ts';

export class NatsCluster {
  readonly servers: readonly NatsServer[];

  constructor(servers: readonly NatsServer[]) {
    this.servers = servers;
  }

  get urls(): readonly string[] {
    return this.servers.map(({ url }) => url);
  }

  /** Resolves when all servers are there and, where they keep something, have one leader for it. */
  async ready(): Promise<void> {
    for (const server of this.servers) await server.ready();
    const expected = this.servers.length;
    for (const server of this.servers) {
      while ((await sizeAt(server)) < expected) await pause(20);
    }
  }

  async close(): Promise<void> {
    for (const server of this.servers) await server.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Three servers that are ready, or as many as `servers` says. */
export async function startNatsCluster(
  options: NatsOptions & { readonly servers?: number } = {},
): Promise<NatsCluster> {
  const { servers: count = 3, ...others } = options;
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  const servers: NatsServer[] = [];
  for (const [index, port] of ports.entries())
    servers.push(await NatsServer.prepare(others, { name: `n${index + 1}`, port, ports }));
  const cluster = new NatsCluster(servers);
  for (const server of servers) server.launch();
  try {
    await cluster.ready();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

interface Keeping {
  readonly disabled?: boolean;
  readonly meta_cluster?: { readonly leader?: string; readonly cluster_size?: number };
}

/** How many servers this one counts, itself too; where they keep things together, those that do, and none as long as nobody leads them. */
async function sizeAt(server: NatsServer): Promise<number> {
  const { disabled, meta_cluster: meta } = await server.monitor<Keeping>('jsz');
  if (!disabled) return meta?.leader ? (meta.cluster_size ?? 0) : 0;
  const { routes = [] } = await server.monitor<{ routes?: { readonly remote_id: string }[] }>('routez');
  return new Set(routes.map(({ remote_id }) => remote_id)).size + 1;
}
