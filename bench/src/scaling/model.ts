/**
 * How many processes a service needs, from what was measured: arithmetic, and nothing else. A process is a node of a cluster: a
 * server on a core of its own, be it a worker of `cometd serve --workers` or a machine.
 *
 *     CPU of a process = sessions here · connect / every  holding them: connects that are answered and sent again
 *                      + publishes here · publish        what its clients say, with the replies
 *                      + deliveries here · deliver       what its clients hear
 *                      + publishes here · send           telling the other processes
 *                      + publishes elsewhere · receive   what the other processes tell, as far as it comes here
                      + rest                            that they live
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
  /** µs of CPU a second for being one of so many processes, when nobody says anything. */
  readonly rest: (processes: number) => number;
  /** kB of memory for a channel that what stands between processes is told of, because somebody here is subscribed to it. */
  readonly interest: number;
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
  const told = toldOf(load, engine, processes);
  const spent =
    (here * server.connect) / server.every +
    here * published * (server.publish + (processes > 1 ? engine.send(told) : 0)) +
    here * heard * server.deliver +
    here * published * told * engine.receive +
    engine.rest(processes);
  const links = engine.links(processes);
  return {
    processes,
    cpu: spent / 1_000_000,
    // A connection to another process weighs as much as one to a client.
    memory:
      server.process +
      (here + links) * server.session +
      (processes > 1 ? engine.interest * wantedChannels(load, processes) : 0),
    links,
  };
}

/** To how many other processes a message goes. */
export function toldOf(load: Load, { hears }: EngineCosts, processes: number): number {
  const others = processes - 1;
  return hears === 'everything' ? others : others * presence(subscribersOf(load), processes);
}

/** How many channels have subscribers, when each session is subscribed to one. */
export function channelsOf(load: Load): number {
  return load.sessions / Math.max(1, subscribersOf(load));
}

/** How many of them have subscribers at each of so many processes. */
export function wantedChannels(load: Load, processes: number): number {
  return channelsOf(load) * presence(Math.max(1, subscribersOf(load)), processes);
}

/** How many sessions hear the same message. */
export function subscribersOf({ published, heard }: Load): number {
  return published === 0 ? 0 : heard / published;
}

/** How likely at least one of so many subscribers is at a certain one of so many places. */
export function presence(subscribers: number, places: number): number {
  return 1 - (1 - 1 / places) ** subscribers;
}

/** The fewest processes that can do it; null when no number of them can. */
export function fit(load: Load, server: ServerCosts, engine: EngineCosts, bounds: Bounds): Prediction | null {
  for (let processes = 1; processes <= engine.mostProcesses; processes++) {
    const prediction = predict(load, server, engine, processes);
    if (prediction.cpu <= bounds.cpu && prediction.memory <= bounds.memory) return prediction;
  }
  return null;
}

/** The most sessions that can be carried, to a thousandth. Whoever cannot carry some cannot carry more. */
export function most(canCarry: (sessions: number) => boolean): number {
  let [least, over] = [0, 1];
  while (canCarry(over) && over < 2 ** 40) [least, over] = [over, over * 2];
  while (over - least > Math.max(1, least / 1_000)) {
    const between = Math.floor((least + over) / 2);
    if (canCarry(between)) least = between;
    else over = between;
  }
  return least;
}
