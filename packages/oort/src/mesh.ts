/** Entry `./mesh`: the cluster of CometD itself, node to node, in one cloud with Java nodes. */

export type { Discovery, Seeker } from './mesh/discovery.ts';
export { type DnsOptions, dnsDiscovery } from './mesh/discovery-dns.ts';
export { type MulticastOptions, multicastDiscovery } from './mesh/discovery-multicast.ts';
export { type PollOptions, pollDiscovery } from './mesh/discovery-poll.ts';
export { staticDiscovery } from './mesh/discovery-static.ts';
export { type MeshEngine, meshEngine } from './mesh/engine.ts';
export type { LinkOptions } from './mesh/link-options.ts';
export type { MeshOptions } from './mesh/options.ts';
export type { Digest } from './mesh/secret.ts';
