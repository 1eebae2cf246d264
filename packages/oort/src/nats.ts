/** Entry `./nats`: the cluster on NATS. Whoever does not use it loads nothing of it, and needs no client of NATS. */

export { type NatsEngine, natsEngine } from './nats/engine.ts';
export { NatsError, type NatsErrorCode } from './nats/error.ts';
export type { NatsOptions, NatsTls } from './nats/options.ts';
