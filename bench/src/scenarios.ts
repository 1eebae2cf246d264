/** The scenarios, the servers, and which server can take part in which scenario. */

export type ServerName =
  | 'ours'
  | 'ours-full'
  | 'java'
  | 'java-small'
  | 'socket.io'
  | 'faye'
  | 'cometd-nodejs-server'
  | 'uws'
  | 'c'
  | 'floor';

/** What each server is, as the page explains it. */
export const servers: Readonly<Record<ServerName, string>> = {
  ours: 'CometD for TypeScript with its defaults, but for the rates and the sessions of one address, which are not bounded',
  'ours-full': 'the same with every extension, a policy of its own and an authorizer, none of which has anything to do',
  java: 'CometD for Java on Jetty, with its defaults',
  'java-small': 'the same with small thread pools and as many messages in a frame as there are',
  'socket.io': 'Socket.IO with its defaults, over WebSocket only, nothing compressed',
  faye: 'Faye with its defaults',
  'cometd-nodejs-server': "the CometD project's own server for Node.js, long-polling only",
  uws: 'uWebSockets: a limit, no sessions; `app.publish` writes a frame in C++ to all who subscribed',
  c: 'a sender in C: a limit, no sessions; one `send()` for each subscriber',
  floor: 'bare `ws` or `node:http`: a limit, no sessions; one frame for all, written to each subscriber',
};
export const serverNames: readonly ServerName[] = Object.keys(servers) as ServerName[];

/** What a part of the whole answers; `--group` chooses some. */
export const groups = {
  ws: 'what a message over WebSocket costs',
  polling: 'what a message over long-polling costs',
  variants: 'what acknowledgement, TLS, bytes, large messages and slow consumers cost',
  growth: 'what a message costs as subscribers, channels and wildcards grow',
  latency: 'how long a message takes at a fixed load',
  memory: 'what a session weighs, and costs when it comes',
  cores: 'how many messages a second when all cores may be used',
} as const;
export type Group = keyof typeof groups;
export const groupNames: readonly Group[] = Object.keys(groups) as Group[];

export interface Scenario {
  readonly name: string;
  readonly group: Group;
  readonly title: string;
  /**
   * `fan-out`: all subscribers receive what one publisher sends. `reply`: clients publish where nobody listens and wait
   * for the reply. `idle`: sessions come, subscribe and stay.
   */
  readonly kind: 'fan-out' | 'reply' | 'idle';
  readonly transport: 'websocket' | 'long-polling';
  /** What one unit of the CPU column is. */
  readonly unit: string;
  readonly servers: readonly ServerName[];
  /** Connected clients: subscribers, callers or idle sessions. */
  readonly clients: number;
  /** Messages outstanding at one time. */
  readonly inFlight: number;
  /** Messages in each published frame. */
  readonly together: number;
  /** Publishes a second; 0 for as many as the server takes. */
  readonly rate: number;
  /** Characters of text, or bytes when `binary`, in each message. */
  readonly size: number;
  /** Share of further subscribers that read nothing once the traffic begins. */
  readonly stopped: number;
  /** Messages that each subscriber has had before anything is measured; 0 where it is enough that code is warm. */
  readonly before: number;
  /** Channels that exist beside the one that is used, each with a subscriber. */
  readonly channels: number;
  /** Patterns that the subscribers are spread over, each a level deeper than the last; 0 for the channel itself. */
  readonly depth: number;
  /** Subscribers negotiate the acknowledgement extension. */
  readonly ack: boolean;
  /** The channel is lazy: messages may wait for `LAZY_TIMEOUT`. */
  readonly lazy: boolean;
  readonly tls: boolean;
  /** Subscribers poll over HTTP/2, which implies TLS. */
  readonly http2: boolean;
  readonly binary: boolean;
  /** 2: nothing is pinned, and servers that can use several cores do. */
  readonly cores: 1 | 2;
  /** Left out unless it is asked for by name, by group, or with `--all`. */
  readonly isExtra: boolean;
  /** Who is measured in one round of three: what takes long, and varies little or matters less. */
  readonly rarely: readonly ServerName[];
}

/** The channel everybody uses, or its six levels where wildcards are measured. */
export const CHANNEL = '/chat/demo/1';
export const DEEP_CHANNEL = '/a/b/c/d/e/f';
/** Longest wait on a lazy channel, in ms. */
export const LAZY_TIMEOUT = 250;
/** Sessions that exist before others are counted: they pay for compiled code and first heap pages. */
export const FIRST_SESSIONS = 1_000;

const plain: Omit<Scenario, 'name' | 'group' | 'title' | 'servers'> = {
  kind: 'fan-out',
  transport: 'websocket',
  unit: 'delivered message',
  clients: 1_000,
  inFlight: 1,
  together: 1,
  rate: 0,
  size: 50,
  stopped: 0,
  before: 0,
  channels: 0,
  depth: 0,
  ack: false,
  lazy: false,
  tls: false,
  http2: false,
  binary: false,
  cores: 1,
  isExtra: false,
  rarely: [],
};

type Given = Partial<Scenario> & Pick<Scenario, 'name' | 'group' | 'title' | 'servers'>;
const scenario = (given: Given): Scenario => ({ ...plain, ...given });

const ours: readonly ServerName[] = ['ours'];
const java: readonly ServerName[] = ['java', 'java-small'];
const limits: readonly ServerName[] = ['uws', 'c', 'floor'];
const webSocket: readonly ServerName[] = ['ours', 'ours-full', ...java, 'socket.io', 'faye', ...limits];
const isNotFull = (server: ServerName): boolean => server !== 'ours-full';

const fanOut = scenario({
  name: 'fan-out',
  group: 'ws',
  title: 'WebSocket fan-out to 1,000 subscribers, one publish in flight',
  servers: webSocket,
});
const fanOut10 = scenario({
  name: 'fan-out-10',
  group: 'ws',
  title: 'WebSocket fan-out to 1,000 subscribers, ten publishes in flight',
  servers: webSocket.filter(isNotFull),
  inFlight: 10,
});
const polling = scenario({
  name: 'long-polling',
  group: 'polling',
  title: 'Long-polling fan-out to 1,000 subscribers, one publish in flight',
  servers: ['ours', 'ours-full', ...java, 'cometd-nodejs-server', 'faye', ...limits],
  transport: 'long-polling',
});

type Change = Pick<Scenario, 'name' | 'title' | 'servers'> & Partial<Scenario>;

/** Circumstances that a scenario may have beside its own. */
const changes: readonly Change[] = [
  { name: 'ack', title: 'acknowledged', servers: [...ours, 'java'], ack: true },
  { name: 'tls', title: 'over TLS', servers: [...ours, 'java', 'socket.io', 'faye', 'uws', 'floor'], tls: true },
  { name: 'binary', title: 'bytes', servers: [...ours, 'java'], binary: true, size: 512 },
  { name: '8k', title: 'messages of 8 KiB', servers: [...webSocket, 'cometd-nodejs-server'], size: 8_192 },
  { name: '32k', title: 'messages of 32 KiB', servers: [...webSocket, 'cometd-nodejs-server'], size: 32_768 },
  {
    name: 'slow',
    title: 'messages of 32 KiB, and 5 % more subscribers that have stopped reading',
    servers: [...ours, 'java', 'socket.io', 'faye', 'floor'],
    size: 32_768,
    stopped: 0.05,
    // The kernel takes 4 MB for each of them before the server finds out, and the server takes 1 MB.
    before: 200,
  },
  { name: 'h2', title: 'over HTTP/2 and TLS', servers: [...ours, 'java', 'floor'], http2: true, tls: true },
];

/** The variants that are measured when nothing is chosen, and who is measured beside us there. */
const usual: Readonly<Record<string, readonly ServerName[]>> = {
  'fan-out-ack': ['ours', 'java'],
  'fan-out-tls': ['ours', 'socket.io', 'java'],
  'fan-out-binary': ['ours', 'java'],
  'fan-out-8k': ['ours', 'socket.io', 'java'],
  'fan-out-32k': ['ours'],
  'fan-out-slow': ['ours', 'socket.io', 'java'],
  'fan-out-10-ack': ['ours', 'java'],
  'long-polling-ack': ['ours', 'java'],
  'long-polling-tls': ['ours'],
  'long-polling-h2': ['ours'],
};

/** All variants of a scenario that its servers can do. */
function variantsOf(base: Scenario): Scenario[] {
  return changes
    .filter(({ name }) => name !== 'h2' || base.transport === 'long-polling')
    .map(({ name: suffix, title, servers: able, ...change }) => {
      const name = `${base.name}-${suffix}`;
      const chosen = usual[name] ?? able.filter((server) => base.servers.includes(server));
      return {
        ...base,
        ...change,
        name,
        group: 'variants',
        title: `${base.title}; ${title}`,
        servers: chosen,
        // The JVM needs its time to get warm in each.
        rarely: ['java'],
        isExtra: !(name in usual),
      };
    });
}

function subscribersOf(clients: number): Scenario {
  return scenario({
    name: `subscribers-${clients}`,
    group: 'growth',
    title: `WebSocket fan-out to ${clients.toLocaleString('en')} subscribers`,
    servers: ['ours', 'socket.io', 'uws'],
    clients,
    rarely: clients > 1_000 ? serverNames : [],
  });
}

function channelsOf(count: number): Scenario {
  return scenario({
    name: `channels-${count}`,
    group: 'growth',
    title: `WebSocket fan-out to 1,000 subscribers while ${count.toLocaleString('en')} ${count === 1 ? 'channel exists' : 'channels exist'}`,
    servers: ours,
    channels: count - 1,
  });
}

function depthOf(depth: number): Scenario {
  const patterns = patternsOf(depth).join(', ');
  return scenario({
    name: `depth-${depth}`,
    group: 'growth',
    title: `WebSocket fan-out to 1,000 subscribers of ${patterns}, published on ${DEEP_CHANNEL}`,
    servers: ours,
    depth,
    rarely: depth > 1 && depth < 5 ? ours : [],
  });
}

/** `/a/**`, `/a/b/**` and so on. */
export function patternsOf(depth: number): string[] {
  return Array.from({ length: depth }, (_, index) => {
    const segments = DEEP_CHANNEL.split('/').slice(0, index + 2);
    return `${segments.join('/')}/**`;
  });
}

export const scenarios: readonly Scenario[] = [
  fanOut,
  fanOut10,
  scenario({
    name: 'fan-out-batch',
    group: 'ws',
    title: 'WebSocket fan-out to 1,000 subscribers, ten messages published in one frame',
    servers: ['ours', ...java, 'faye', 'uws'],
    inFlight: 10,
    together: 10,
  }),
  scenario({
    name: 'fan-out-lazy',
    group: 'ws',
    title: `WebSocket fan-out to 1,000 subscribers of a lazy channel (${LAZY_TIMEOUT} ms), 40 publishes a second`,
    servers: ['ours', 'java'],
    lazy: true,
    rate: 40,
  }),
  scenario({
    name: 'reply',
    group: 'ws',
    title: 'WebSocket receive and reply, 100 clients with one publish in flight each',
    kind: 'reply',
    unit: 'request',
    servers: webSocket,
    clients: 100,
  }),
  polling,
  ...[fanOut, fanOut10, polling].flatMap(variantsOf),
  ...[100, 1_000, 5_000, 15_000].map(subscribersOf),
  ...[1, 1_000, 100_000].map(channelsOf),
  ...[1, 2, 3, 4, 5].map(depthOf),
  scenario({
    name: 'latency',
    group: 'latency',
    title: 'WebSocket fan-out to 1,000 subscribers, 40 publishes a second',
    servers: ['ours', ...java, 'socket.io', 'faye', 'uws'],
    rate: 40,
  }),
  scenario({
    name: 'memory',
    group: 'memory',
    title: 'Idle WebSocket sessions with one subscription',
    kind: 'idle',
    unit: 'session',
    servers: ['ours', 'java', 'socket.io', 'faye', 'floor'],
    clients: 8_000,
    inFlight: 0,
  }),
  scenario({
    name: 'memory-polling',
    group: 'memory',
    title: 'Idle long-polling sessions with one subscription and a held poll',
    kind: 'idle',
    transport: 'long-polling',
    unit: 'session',
    servers: ['ours', 'java', 'cometd-nodejs-server', 'faye'],
    clients: 4_000,
    inFlight: 0,
    rarely: serverNames,
  }),
  ...(['cores', 'cores-10'] as const).map((name) =>
    scenario({
      name,
      group: 'cores',
      title: `WebSocket fan-out to 1,000 subscribers with two cores, ${name === 'cores' ? 'one publish' : 'ten publishes'} in flight`,
      servers: ['ours', 'java'],
      inFlight: name === 'cores' ? 1 : 10,
      cores: 2,
    }),
  ),
];

/** Throws `RangeError` when there is none. */
export function findScenario(name: string): Scenario {
  const found = scenarios.find((one) => one.name === name);
  if (!found) throw new RangeError(`There is no scenario '${name}'`);
  return found;
}

/** The channel that is published on. */
export function channelOf({ depth }: Scenario): string {
  return depth > 0 ? DEEP_CHANNEL : CHANNEL;
}
