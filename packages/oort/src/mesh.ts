/** Entry `./mesh`: the cluster of CometD itself, node to node, in one cloud with Java nodes. */

export type { Discovery, Seeker } from './mesh/discovery.ts';
export { type DnsOptions, dnsDiscovery } from './mesh/discovery-dns.ts';
export { type MulticastOptions, multicastDiscovery } from './mesh/discovery-multicast.ts';
export { type PollOptions, pollDiscovery } from './mesh/discovery-poll.ts';
export { staticDiscovery } from './mesh/discovery-static.ts';
