/**
 * How many processes a service needs, from what was measured: arithmetic, and nothing else. A process is a node of a cluster: a
 * server on a core of its own, be it a worker of `cometd serve --workers` or a machine.
 *
 *     CPU of a process = sessions here · connect / every  holding them: connects that are answered and sent again
 *                      + publishes here · publish        what its clients say, with the replies
 *                      + deliveries here · deliver       what its clients hear
 *                      + publishes here · send           telling the other processes
 *                      + publishes elsewhere · receive   what the other processes tell, as far as it comes here
 */

/** What all sessions do together. */
export interface Load {
  readonly sessions: number;
  /** Messages a session publishes in a second. */
  readonly published: number;
  /** Messages a session hears in a second. */
  readonly heard: number;
}

/** What a process spends, whatever carries its messages to others. */
export interface ServerCosts {
  /** µs of CPU for a message that a client publishes, with its reply. */
  readonly publish: number;
  /** µs of CPU for each subscriber it is delivered to. */
  readonly deliver: number;
  /** µs of CPU for a connect and its reply. */
  readonly connect: number;
  /** Seconds for which a connect is held when there is nothing to say: the option `timeout`. */
  readonly every: number;
  /** kB of memory for an idle session with one subscription. */
  readonly session: number;
  /** kB of memory of a process without sessions. */
  readonly process: number;
}

/** What it costs to be one of several processes; the figures of another engine stand beside those of the mesh. */
export interface EngineCosts {
  readonly name: string;
  /** What comes to a process: every message of all others, or what somebody there is subscribed to. */
  readonly hears: 'everything' | 'what is wanted';
  /** µs of CPU for telling a message to so many other processes. */
  readonly send: (others: number) => number;
  /** µs of CPU for a message that comes from another process, beside its deliveries. */
  readonly receive: number;
  /** Connections of a process to others, or to what stands between them. */
  readonly links: (processes: number) => number;
  /** More processes than this are not advised, whatever their load. */
  readonly mostProcesses: number;
}

/** What a process is allowed to use. */
export interface Bounds {
  /** Share of its core: the rest is for bursts, and for those who come when another process dies. */
  readonly cpu: number;
  /** kB of memory. */
  readonly memory: number;
}

export interface Prediction {
  readonly processes: number;
  /** Share of one core, in each process. */
  readonly cpu: number;
  /** kB, in each process. */
  readonly memory: number;
  readonly links: number;
}

/** What each of so many processes has to do. Sessions, and those who hear the same message, are spread evenly. */
export function predict(load: Load, server: ServerCosts, engine: EngineCosts, processes: number): Prediction {
  const { sessions, published, heard } = load;
  const here = sessions / processes;
  const others = processes - 1;
  const told = engine.hears === 'everything' ? others : others * presence(heard / published, processes);
  const spent =
    (here * server.connect) / server.every +
    here * published * (server.publish + (told > 0 ? engine.send(told) : 0)) +
    here * heard * server.deliver +
    here * published * told * engine.receive;
  const links = engine.links(processes);
  return {
    processes,
    cpu: spent / 1_000_000,
    // A connection to another process weighs as much as one to a client.
    memory: server.process + (here + links) * server.session,
    links,
  };
}

/** How likely a process has at least one of the subscribers of a message. */
function presence(subscribers: number, processes: number): number {
  return Number.isFinite(subscribers) ? 1 - (1 - 1 / processes) ** subscribers : 1;
}

/** The fewest processes that can do it; null when no number of them can. */
export function fit(load: Load, server: ServerCosts, engine: EngineCosts, bounds: Bounds): Prediction | null {
  for (let processes = 1; processes <= engine.mostProcesses; processes++) {
    const prediction = predict(load, server, engine, processes);
    if (prediction.cpu <= bounds.cpu && prediction.memory <= bounds.memory) return prediction;
  }
  return null;
}

/** The most sessions of this kind that an engine can carry. `load` tells what `sessions` of them do. */
export function reach(
  load: (sessions: number) => Load,
  server: ServerCosts,
  engine: EngineCosts,
  bounds: Bounds,
): number {
  let [least, most] = [0, 1];
  while (fit(load(most), server, engine, bounds) && most < 2 ** 40) [least, most] = [most, most * 2];
  while (most - least > Math.max(1, least / 1_000)) {
    const middle = Math.floor((least + most) / 2);
    if (fit(load(middle), server, engine, bounds)) least = middle;
    else most = middle;
  }
  return least;
}
