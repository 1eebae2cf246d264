/** Every metric of a server, in one table: what it is called, what it counts, and by which labels. The reference page is made of it. */

/** What a metric is. A counter only grows, a gauge is the state of the moment, a histogram counts values by their size. */
export type MetricType = 'counter' | 'gauge' | 'histogram';

/** One metric of the table. */
export interface MetricSpec {
  readonly type: MetricType;
  /** Seconds, bytes, or nothing for what is counted in pieces. */
  readonly unit: 's' | 'By' | '';
  readonly help: string;
  /** The label, when there is one or more. Labels never contain channel names, ids, users or anything else a peer chose. */
  readonly labels: readonly string[];
  /** Values of a single label that are reported from the start, as 0: a rate needs a first value. */
  readonly known?: readonly string[];
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

/** Counters and gauges: what is read on demand. */
export type ReadableName =
  | 'sessions'
  | 'unconnected_sessions'
  | 'held_connects'
  | 'websockets'
  | 'websocket_buffered'
  | 'channels'
  | 'subscriptions'
  | 'queued_messages'
  | 'queue'
  | 'queue_max'
  | 'unacknowledged_messages'
  | 'overload_level'
  | 'draining'
  | 'event_loop_delay'
  | 'heap_used'
  | 'resident_memory'
  | 'messages_received'
  | 'messages_sent'
  | 'handshakes'
  | 'sessions_ended'
  | 'refused'
  | 'rejected'
  | 'limit_hit'
  | 'queue_dropped'
  | 'advised'
  | 'failures'
  | 'event_loop_active';

/** What is measured while somebody observes. */
export type HistogramName = 'publish_to_deliver' | 'publish_reply' | 'connect_hold' | 'batch_size';

export type MetricName = ReadableName | HistogramName;

const pieces = { unit: '', labels: [] } as const;
const counter = { ...pieces, type: 'counter' } as const;
const gauge = { ...pieces, type: 'gauge' } as const;

/** The table, in the order of the reference page. Names are without prefix, unit and `_total`: see `prometheusName`. */
export const metricSpecs: Readonly<Record<MetricName, MetricSpec>> = {
  // What there is

  sessions: { ...gauge, labels: ['transport', 'state'], help: 'Sessions, by their transport and state.' },
  unconnected_sessions: { ...gauge, help: 'Sessions that have shaken hands and never connected.' },
  held_connects: { ...gauge, help: 'Connects that are on hold.' },
  websockets: { ...gauge, help: 'Open WebSocket connections.' },
  websocket_buffered: {
    ...gauge,
    unit: 'By',
    help: 'Bytes written to WebSocket connections that their peers have not taken.',
  },
  channels: { ...gauge, help: 'Channels, with the meta channels.' },
  subscriptions: { ...gauge, help: 'Subscriptions of all sessions.' },
  queued_messages: { ...gauge, help: 'Messages in the queues of all sessions.' },
  queue: { ...gauge, unit: 'By', help: 'Size of the queues of all sessions, in characters of JSON.' },
  queue_max: { ...gauge, unit: 'By', help: 'Size of the longest queue of a session, in characters of JSON.' },
  unacknowledged_messages: { ...gauge, help: 'Messages that were sent and that clients have not confirmed.' },
  overload_level: {
    ...gauge,
    help: '0 when all is well; the higher, the less is done: from 2 on handshakes are refused.',
  },
  draining: { ...gauge, help: '1 from the call of drain() on, else 0.' },
  event_loop_delay: {
    ...gauge,
    unit: 's',
    labels: ['quantile'],
    help: 'How late the event loop runs what is due, over the last minute at most.',
  },
  heap_used: { ...gauge, unit: 'By', help: 'JavaScript heap in use.' },
  resident_memory: { ...gauge, unit: 'By', help: 'Memory of the process.' },

  // What happened

  messages_received: {
    ...counter,
    labels: ['type'],
    known: ['handshake', 'connect', 'subscribe', 'unsubscribe', 'disconnect', 'publish', 'service', 'invalid'],
    help: 'Messages of clients, before anybody judged them.',
  },
  messages_sent: {
    ...counter,
    labels: ['type'],
    known: ['reply', 'message'],
    help: 'Replies, and messages taken from queues for clients. What has to be sent again counts again.',
  },
  handshakes: {
    ...counter,
    labels: ['result'],
    known: ['successful', 'handshake_denied', 'limit_exceeded', 'overloaded', 'draining'],
    help: 'Handshakes, by their result: successful, draining, or the error code of the refusal.',
  },
  sessions_ended: {
    ...counter,
    labels: ['reason'],
    known: ['disconnect', 'server', 'expired', 'overflow', 'misbehaved', 'drain', 'stopped'],
    help: 'Sessions that ended: by their client, by the application, by time, by a full queue, by bad messages, by drain(), by stop().',
  },
  refused: {
    ...counter,
    labels: ['code'],
    known: ['session_unknown', 'publish_denied', 'subscribe_denied', 'message_deleted'],
    help: 'Messages whose reply was not successful, by error code.',
  },
  rejected: {
    ...counter,
    labels: ['reason'],
    known: ['origin', 'json_invalid', 'envelope_invalid'],
    help: 'Requests, upgrades and payloads refused as a whole, and messages that are no Bayeux.',
  },
  limit_hit: { ...counter, labels: ['limit'], known: ['maxQueue', 'maxMessageSize'], help: 'Limits that were hit.' },
  queue_dropped: {
    ...counter,
    labels: ['policy'],
    known: ['dropOldest', 'dropNewest', 'disconnect', 'listener'],
    help: 'Messages lost to full queues, by what decided about them.',
  },
  advised: {
    ...counter,
    labels: ['reconnect'],
    known: ['retry', 'handshake', 'none'],
    help: 'Replies that advised a client how to reconnect.',
  },
  failures: {
    ...counter,
    labels: ['where'],
    known: ['extension', 'session extension', 'security policy', 'authorizer', "channel listener 'message'", 'receive'],
    help: 'Code of the application, or of the server, that threw or rejected.',
  },
  event_loop_active: {
    ...counter,
    unit: 's',
    help: 'Time the event loop was busy: its rate is the utilization, from 0 to 1.',
  },

  // How long it took

  publish_to_deliver: {
    ...pieces,
    type: 'histogram',
    unit: 's',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    help: 'From a publish to a broadcast channel until it was written to all who could take it at once.',
  },
  publish_reply: {
    ...pieces,
    type: 'histogram',
    unit: 's',
    buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    help: 'From a publish until its reply was ready: policies, listeners, extensions and the delivery to all queues.',
  },
  connect_hold: {
    ...pieces,
    type: 'histogram',
    unit: 's',
    buckets: [0.01, 0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60],
    help: 'How long connects were held.',
  },
  batch_size: {
    ...pieces,
    type: 'histogram',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    help: 'Messages that were taken from a queue together.',
  },
};

/** All metrics, for those who go through them. */
export const metrics: readonly (readonly [name: MetricName, spec: MetricSpec])[] = Object.entries(metricSpecs) as [
  MetricName,
  MetricSpec,
][];

const suffixes = { s: '_seconds', By: '_bytes', '': '' } as const;

/** How Prometheus knows a metric, such as `cometd_limit_hit_total`. */
export function prometheusName(name: MetricName, prefix = 'cometd_'): string {
  return prefixed(name, metricSpecs[name], prefix);
}

/** The same for metrics that are not in the table. */
export function prefixed(name: string, { unit, type }: Pick<MetricSpec, 'unit' | 'type'>, prefix: string): string {
  return `${prefix}${name}${suffixes[unit]}${type === 'counter' ? '_total' : ''}`;
}
