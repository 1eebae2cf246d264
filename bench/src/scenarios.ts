/** The scenarios, the servers, and which server can take part in which scenario. */

export type ServerName = 'ours' | 'socket.io' | 'faye' | 'cometd-nodejs-server' | 'floor';
export type ScenarioName = 'fan-out' | 'fan-out-10' | 'reply' | 'long-polling' | 'memory';

/** `floor` is no peer but the limit: the least a Node.js server can do, with no sessions and no subscriptions. */
export const serverNames: readonly ServerName[] = ['ours', 'socket.io', 'faye', 'cometd-nodejs-server', 'floor'];

export interface Scenario {
  readonly name: ScenarioName;
  readonly title: string;
  /** What one unit of the CPU column is. */
  readonly unit: string;
  readonly servers: readonly ServerName[];
  /** Connected clients: subscribers, callers or idle sessions. */
  readonly clients: number;
  /** Publish frames outstanding at one time. */
  readonly inFlight: number;
  /** The ratio we want to reach at most, per peer; kB per session where the peer is `ours`. */
  readonly targets: Readonly<Partial<Record<ServerName, number>>>;
}

const webSocket: readonly ServerName[] = ['ours', 'socket.io', 'faye', 'floor'];

export const scenarios: readonly Scenario[] = [
  {
    name: 'fan-out',
    title: 'WebSocket fan-out to 1,000 subscribers, one publish in flight',
    unit: 'delivered message',
    servers: webSocket,
    clients: 1_000,
    inFlight: 1,
    targets: { 'socket.io': 0.65, faye: 0.55 },
  },
  {
    name: 'fan-out-10',
    title: 'WebSocket fan-out to 1,000 subscribers, ten publishes in flight',
    unit: 'delivered message',
    servers: webSocket,
    clients: 1_000,
    inFlight: 10,
    targets: { 'socket.io': 0.15 },
  },
  {
    name: 'reply',
    title: 'WebSocket receive and reply, 100 clients with one publish in flight each',
    unit: 'request',
    servers: webSocket,
    clients: 100,
    inFlight: 1,
    targets: {},
  },
  {
    name: 'long-polling',
    title: 'Long-polling fan-out to 1,000 subscribers, one publish in flight',
    unit: 'delivered message',
    servers: ['ours', 'cometd-nodejs-server', 'faye', 'floor'],
    clients: 1_000,
    inFlight: 1,
    targets: { 'cometd-nodejs-server': 0.65 },
  },
  {
    name: 'memory',
    title: 'Memory of an idle WebSocket session with one subscription',
    unit: 'session',
    servers: webSocket,
    clients: 8_000,
    inFlight: 0,
    targets: { ours: 12 },
  },
];

/** Sessions that exist before the memory of the others is counted: they pay for compiled code and first heap pages. */
export const FIRST_SESSIONS = 1_000;

/** The channel everybody uses. */
export const CHANNEL = '/chat/demo/1';
