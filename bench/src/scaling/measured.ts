/** What was measured on the machine of this project, for `model.ts`: two cores of an AMD EPYC, Node.js 20. Each figure says where it comes from. */
import type { Bounds, EngineCosts, Load, ServerCosts } from './model.ts';

export const server: ServerCosts = {
  // `publish and reply, WebSocket`, without workers: results/2026-11-30-workers.md.
  publish: 57,
  // `fan-out`, one publish in flight, median: results/2026-11-24T133533.md. With ten in flight it is 1.4.
  deliver: 12.9,
  // A message with a reply, as a publish is.
  connect: 57,
  // The default of the option `timeout`.
  every: 30,
  // `memory`: results/2026-11-24T133533.md.
  session: 7.8,
  // RSS of a worker without sessions: results/2026-11-30-workers.md.
  process: 81_000,
};

/** The mesh of `@cometd-ts/oort/mesh`, when nodes observe every channel, as workers do. */
export const mesh: EngineCosts = {
  name: 'mesh',
  hears: 'everything',
  // A node is one more subscriber, with ten messages under way: results/2026-11-24T133533.md.
  send: (others) => others * 1.4,
  // `crossing`, ten under way, less what it takes to send: results/2026-11-30-workers.md.
  receive: 50,
  // A pair with each other node.
  links: (processes) => 2 * (processes - 1),
  // docs/concepts/cluster.md: beyond twenty, copies and restarts outweigh what a node adds.
  mostProcesses: 20,
};

/** Six tenths of a core, and two gigabytes. */
export const bounds: Bounds = { cpu: 0.6, memory: 2_000_000 };

/** Kinds of services, as far as they differ in what it costs. */
export const kinds: Readonly<Record<string, (sessions: number) => Load>> = {
  // Each session is told something once a minute, and nobody else is.
  notices: (sessions) => ({ sessions, published: 1 / 60, heard: 1 / 60 }),
  // Rooms of fifty, in which everybody says something once a minute, and hears what is said.
  rooms: (sessions) => ({ sessions, published: 1 / 60, heard: 50 / 60 }),
  // One source says something to everybody, once a second.
  broadcast: (sessions) => ({ sessions, published: 1 / sessions, heard: 1 }),
};
