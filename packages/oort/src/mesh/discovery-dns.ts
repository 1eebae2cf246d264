/** Nodes behind one name of DNS: a headless service of Kubernetes, or SRV records. */
import { Resolver } from 'node:dns/promises';
import type { Discovery } from './discovery.ts';
import { type PollOptions, pollDiscovery } from './discovery-poll.ts';

export interface DnsOptions extends PollOptions {
  /** The name, such as `chat.default.svc.cluster.local`; for SRV records `_cometd._tcp.chat.default.svc.cluster.local`. */
  readonly name: string;
  /** Port of the nodes. Without it the name has SRV records, which tell host and port of each. */
  readonly port?: number;
  /** Default `http`. */
  readonly scheme?: 'http' | 'https';
  /** Path of the Bayeux server. Default `/cometd`. */
  readonly path?: string;
  /** Asks these DNS servers, as `address` or `address:port`, instead of the system's. */
  readonly servers?: readonly string[];
}

/**
 * Asks DNS again and again, and goes to every address it names: `http://10.1.2.3:8080/cometd`. The nodes' own URLs must be
 * written the same way; in Kubernetes that is the address of the pod (`status.podIP`).
 */
export function dnsDiscovery({
  name,
  port,
  scheme = 'http',
  path = '/cometd',
  servers,
  ...options
}: DnsOptions): Discovery {
  if (typeof name !== 'string' || name === '') throw new TypeError("The option 'name' must be a name of DNS");
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (servers) resolver.setServers(servers);
  const urlOf = (host: string, at: number): string =>
    `${scheme}://${host.includes(':') ? `[${host}]` : host}:${at}${path}`;
  const find = async (): Promise<string[]> => {
    if (port === undefined) return (await resolver.resolveSrv(name)).map((one) => urlOf(one.name, one.port));
    const found = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const hosts = found.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const [failure] = found;
    if (hosts.length === 0 && failure.status === 'rejected') throw failure.reason;
    return hosts.map((host) => urlOf(host, port));
  };
  const poll = pollDiscovery(find, options);
  return {
    start: (seeker) => poll.start(seeker),
    stop: () => {
      resolver.cancel();
      return poll.stop();
    },
  };
}
