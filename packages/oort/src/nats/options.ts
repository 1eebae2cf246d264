/** What a cluster on NATS is made with. */
import { ChannelId } from '@cometd-ts/protocol';
import { isReserved } from '@cometd-ts/server';
import { Subjects } from './subjects.ts';

/** Certificates for the way to NATS, as paths of files in PEM or as their content. */
export interface NatsTls {
  readonly caFile?: string;
  readonly ca?: string;
  readonly certFile?: string;
  readonly cert?: string;
  readonly keyFile?: string;
  readonly key?: string;
  /** TLS from the first byte on, where the server wants it so. Default after its greeting. */
  readonly handshakeFirst?: boolean;
}

/** Times are in ms. */
export interface NatsOptions {
  /** Where NATS is: `nats://host:4222`, or `tls://` when it must be encrypted. Several of one NATS cluster: one of them is enough, the others are learned. */
  readonly servers: string | readonly string[];
  /**
   * Name of the cloud: letters, digits and hyphens. Nodes of another namespace are strangers, on the same NATS too. All subjects
   * begin with it and a dot, all buckets with it and `_`. Default `cometd`.
   */
  readonly namespace?: string;
  /** Name of a user of NATS, with `password`. */
  readonly user?: string;
  /** Of `user`. */
  readonly password?: string;
  /** Instead of a user. */
  readonly token?: string;
  /** Path of a file of credentials, as `nsc` makes them: read anew for each connection. */
  readonly credentials?: string;
  /** Seed of an nkey, which begins with `SU`. */
  readonly nkey?: string;
  /** `{}` asks for TLS with the authorities of Node.js. */
  readonly tls?: NatsTls;
  /** Whatever else the client of NATS takes, its `NodeConnectionOptions`; what is said here wins over everything above. */
  readonly connection?: Readonly<Record<string, unknown>>;
  /** How long `start` looks for a server before it rejects. Default 10000. */
  readonly connectTimeout?: number;
  /** Whether `start` rejects where NATS has no JetStream, which buckets are kept in. Default false: without it there are no buckets. */
  readonly jetStream?: boolean;
  /** On how many servers of a NATS cluster each new bucket is kept: 1, 3 or 5. Default 1. */
  readonly replicas?: number;
  /** Where new buckets are kept: `file`, or `memory`, which is lost with the servers. Default `file`. */
  readonly storage?: 'file' | 'memory';
  /** How often a node says that it lives. Default 1000. */
  readonly heartbeat?: number;
  /** How long a node may be silent before it has left. Default 2.75 heartbeats, so that a crash is noticed within three. */
  readonly leaveAfter?: number;
  /**
   * Patterns such as `/rooms/**`, below which messages of other nodes come only for channels that have subscribers here: whatever
   * sessions subscribe to, as far as it lies within these. Channels that are observed come in any case. Default none.
   */
  readonly interest?: readonly string[];
  /** How long such a channel stays when its last subscriber has gone. Default 30000. */
  readonly linger?: number;
  /**
   * Other nodes neither hear of this one nor are heard before it is fulfilled; `start` does not wait for it. For servers whose channels are
   * set up by what needs a started `Oort`: where other nodes are, their channels are made here for them. Default at once.
   */
  readonly joinAfter?: Promise<unknown>;
  /** Whether some nodes have not moved here yet: see `movingEngine`. Default false. */
  readonly moving?: boolean;
  /**
   * Messages that wait while NATS is away, or were sent lately and are kept for a node whose connection broke. While so many
   * wait, who publishes for other nodes is refused. Default 100000.
   */
  readonly maxQueue?: number;
  /** Characters of them. Default 64 MiB. */
  readonly maxQueueBytes?: number;
}

export interface NatsSettings extends NatsOptions {
  readonly servers: readonly string[];
  readonly subjects: Subjects;
  readonly connectTimeout: number;
  readonly heartbeat: number;
  readonly leaveAfter: number;
  readonly interest: readonly string[];
  readonly linger: number;
  readonly maxQueue: number;
  readonly maxQueueBytes: number;
}

/** Throws `TypeError` without servers, and `RangeError` for values that are wrong. */
export function natsSettings(options: NatsOptions): NatsSettings {
  const servers = [options.servers ?? []].flat();
  if (servers.length === 0 || servers.some((server) => typeof server !== 'string' || server === ''))
    throw new TypeError('A cluster on NATS needs its servers, such as nats://nats1.example.com:4222 (option servers)');
  const heartbeat = count('heartbeat', options.heartbeat ?? 1000, 10);
  const leaveAfter = count('leaveAfter', options.leaveAfter ?? Math.ceil(2.75 * heartbeat), 2 * heartbeat);
  return {
    ...options,
    servers,
    subjects: new Subjects(options.namespace ?? 'cometd'),
    connectTimeout: count('connectTimeout', options.connectTimeout ?? 10_000, 1),
    heartbeat,
    leaveAfter,
    interest: (options.interest ?? []).map(interesting),
    linger: count('linger', options.linger ?? 30_000, 0),
    maxQueue: count('maxQueue', options.maxQueue ?? 100_000, 1),
    maxQueueBytes: count('maxQueueBytes', options.maxQueueBytes ?? 67_108_864, 1),
  };
}

function count(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new RangeError(`The option ${name} must be a whole number of at least ${least}, not ${value}`);
}

function interesting(pattern: string): string {
  const { id, isBroadcast } = new ChannelId(pattern);
  if (isBroadcast && !isReserved(id)) return id;
  throw new TypeError(`Only broadcast channels of the application can be of interest, not ${id} (option interest)`);
}
