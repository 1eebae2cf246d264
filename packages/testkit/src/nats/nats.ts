/** Real NATS servers for tests. Its own entry, because few tests need them. */

export { NatsCluster, startNatsCluster } from './cluster.ts';
export { freePort } from './ports.ts';
export { type NatsKind, type NatsProgram, natsProgram, natsPrograms, readyNats, skippedNats } from './programs.ts';
export { type NatsOptions, NatsServer, startNats } from './server.ts';
