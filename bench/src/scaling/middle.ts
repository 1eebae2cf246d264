/**
 * What stands between the processes of a cluster has to do: NATS servers that know each other, and of each channel which processes
 * want it. Arithmetic, as `model.ts` is.
 *
 *     CPU of all servers = publishes             · came     each message comes once
 *                        + publishes · told      · went     and goes to each process that wants it
 *                        + publishes · elsewhere · routed   by way of its server, if that is another one
 *                        + heartbeats heard      · beat     each process tells each other that it lives
 */
import { channelsOf, type EngineCosts, type Load, presence, subscribersOf, toldOf, wantedChannels } from './model.ts';

/** What servers between processes spend. */
export interface MiddleCosts {
  /** µs of CPU for a message that comes from a process. */
  readonly came: number;
  /** µs of CPU for each process it goes to. */
  readonly went: number;
  /** µs of CPU of both servers for each other server it goes to. */
  readonly routed: number;
  /** µs of CPU for a heartbeat, for each process that hears it. */
  readonly beat: number;
  /** kB of memory of a server that nobody is connected to. */
  readonly server: number;
  /** kB of memory for a connection of a process. */
  readonly connection: number;
  /** kB of memory for a channel that a process of this server wants. */
  readonly wanted: number;
  /** kB of memory for a channel that is wanted at another server. */
  readonly elsewhere: number;
  /** Connections between two servers. */
  readonly routes: number;
}

/** What a server between processes may use. */
export interface MiddleBounds {
  /** Cores: it uses as many as it has. */
  readonly cores: number;
  /** kB. */
  readonly memory: number;
  readonly fewest: number;
  /** All know each other. */
  readonly most: number;
}

export interface MiddlePrediction {
  readonly servers: number;
  /** Connections of processes, and between servers. */
  readonly links: number;
  /** Messages a second from processes, heartbeats among them. */
  readonly came: number;
  /** Messages a second to processes, heartbeats among them. */
  readonly went: number;
  /** Heartbeats a second to processes. */
  readonly beats: number;
  /** Cores that are busy, of all servers. */
  readonly cores: number;
  /** kB, of each server. */
  readonly memory: number;
}

/** What so many servers have to do for so many processes, each of which says that it lives once in `heartbeat` seconds. */
export function predictMiddle(
  load: Load,
  engine: EngineCosts,
  costs: MiddleCosts,
  {
    processes,
    servers,
    heartbeat,
  }: { readonly processes: number; readonly servers: number; readonly heartbeat: number },
): MiddlePrediction {
  const published = load.sessions * load.published;
  const told = toldOf(load, engine, processes);
  const lives = processes / heartbeat;
  const beats = lives * (processes - 1);
  const others = servers - 1;
  const spent =
    published * (costs.came + told * costs.went + others * presence(told, servers) * costs.routed) +
    lives * others * costs.routed +
    beats * costs.beat;
  const own = (processes * wantedChannels(load, processes)) / servers;
  const elsewhere = others * channelsOf(load) * presence(Math.max(1, subscribersOf(load)), servers);
  return {
    servers,
    links: processes + (costs.routes * servers * others) / 2,
    came: published + lives,
    went: published * told + beats,
    beats,
    cores: spent / 1_000_000,
    memory: costs.server + (processes / servers) * costs.connection + own * costs.wanted + elsewhere * costs.elsewhere,
  };
}

/** The fewest servers that can do it; null when no number of them can. */
export function fitMiddle(
  load: Load,
  engine: EngineCosts,
  costs: MiddleCosts,
  bounds: MiddleBounds,
  of: { readonly processes: number; readonly heartbeat: number },
): MiddlePrediction | null {
  for (let servers = bounds.fewest; servers <= bounds.most; servers++) {
    const prediction = predictMiddle(load, engine, costs, { ...of, servers });
    if (prediction.cores / servers <= bounds.cores && prediction.memory <= bounds.memory) return prediction;
  }
  return null;
}
