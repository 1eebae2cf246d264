/** What was measured on the machine of this project, for `model.ts`: two cores of an AMD EPYC, Node.js 20. Each figure says where it comes from. */
import type { MiddleBounds, MiddleCosts } from './middle.ts';
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
  // A connect on each of two links with each other node, answered and sent again twice a minute.
  rest: (processes) => (2 * (processes - 1) * 57) / 30,
  interest: 0,
  // A pair with each other node.
  links: (processes) => 2 * (processes - 1),
  // docs/concepts/cluster.md: beyond twenty, copies and restarts outweigh what a node adds.
  mostProcesses: 20,
};

/** Seconds between two heartbeats that are advised for so many processes on NATS. */
export const heartbeatOf = (processes: number): number => (processes > 200 ? 10 : 1);

/** µs a second of a process with nothing to do: its timers, and a heartbeat of each other one in so many seconds. */
export const natsRest = (processes: number, heartbeat: number): number => 1_200 + (7 * (processes - 1)) / heartbeat;

/** NATS, with `@cometd-ts/oort/nats` and `interest`. All figures: results/2026-11-30-crowd.md. */
export const nats: EngineCosts = {
  name: 'NATS',
  hears: 'what is wanted',
  // Once, however many want it.
  send: () => 75,
  receive: 46,
  rest: (processes) => natsRest(processes, heartbeatOf(processes)),
  interest: 1.7,
  links: () => 1,
  // More were not tried, neither here nor in the model.
  mostProcesses: 1_000,
};

/** Servers of NATS, the same page. */
export const middle: MiddleCosts = {
  came: 30,
  went: 4.5,
  routed: 50,
  beat: 8,
  server: 18_000,
  connection: 150,
  wanted: 0.7,
  elsewhere: 0.9,
  // Of nats-server 2.15: a pool of three, and one for its own account.
  routes: 4,
};

/** Six tenths of four cores and of sixteen gigabytes. Three servers, so that one may fail. */
export const middleBounds: MiddleBounds = { cores: 2.4, memory: 9_600_000, fewest: 3, most: 9 };

/** Sessions a second that come to a process which does nothing else. `memory`: results/2026-11-24T133533.md. */
export const handshakes = 2_000;

/** Default of the option `maxHandshakeRate`. */
export const allowedHandshakes = 500;

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
