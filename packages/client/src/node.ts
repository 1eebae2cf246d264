/** Entry `./node`: the clients with the network of Node.js. */

export type { NodeOptions, TlsOptions } from './node/options.ts';
export type { NodePlatform } from './node/platform.ts';
export { nodePlatform } from './node/platform.ts';
