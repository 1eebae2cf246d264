/** The options of a cluster: `oort` in the configuration, flags and the environment; checked, with the names of the book. */
import { hostname } from 'node:os';
import type { SetiOptions } from '@cometd-ts/oort';
import type { MeshOptions } from '@cometd-ts/oort/mesh';
import type { NatsOptions } from '@cometd-ts/oort/nats';
import type { ServeArguments } from './arguments.ts';
import { Complaint } from './complaint.ts';
import { type Kind, objectOf, read, type Values } from './fields.ts';
import { natsOptions } from './nats-options.ts';

/** What `/readyz` makes of a cluster that is not whole. */
export type Readiness = 'ignore' | 'down' | 'degraded';

/** A node as it was asked for. */
export interface ClusterOptions {
  readonly url: string;
  readonly channels: readonly string[];
  readonly readyz: Readiness;
  /** How users are found. */
  readonly seti: SetiOptions;
  /** What carries the cluster. One of these is there; both while it moves from the mesh to NATS. */
  readonly mesh: MeshChoice | null;
  readonly nats: NatsOptions | null;
}

/** A node of the mesh. */
export interface MeshChoice {
  readonly cloud: readonly string[];
  /** File of certificates to trust. */
  readonly ca: string | undefined;
  readonly multicast: Values | null;
  readonly dns: Values | null;
  /** What goes to the mesh as it is; the secret is among it. */
  readonly options: MeshOptions;
}

/** Names in `oort`. Those of the book come first. */
const names: Readonly<Record<string, Kind>> = {
  url: 'text',
  secret: 'text',
  channels: 'list',
  cloud: 'list',
  enableAckExtension: 'boolean',
  enableBinaryExtension: 'boolean',
  multicast: 'object',
  dns: 'object',
  nats: 'object',
  move: 'text',
  seti: 'object',
  allow: 'list',
  readyz: 'text',
  ca: 'text',
  digest: 'text',
  acceptAnySecret: 'boolean',
  maxInterval: 'number',
  timeout: 'number',
  maxNodeQueue: 'number',
  maxNodeQueueBytes: 'number',
  patience: 'number',
  forgetAfter: 'number',
  maxComets: 'number',
  transports: 'list',
  backoffIncrement: 'number',
  maxBackoff: 'number',
  maxNetworkDelay: 'number',
  connectTimeout: 'number',
  maxSendBayeuxMessageSize: 'number',
  maxMessageSize: 'number',
  joinRetry: 'number',
  maxLinkQueue: 'number',
  maxLinkQueueBytes: 'number',
  linkQueuePolicy: 'text',
};

const multicastNames: Readonly<Record<string, Kind>> = {
  allow: 'list',
  bindAddress: 'text',
  groupAddress: 'text',
  groupPort: 'number',
  groupInterfaces: 'list',
  timeToLive: 'number',
  advertiseInterval: 'number',
  connectTimeout: 'number',
  maxTransmissionLength: 'number',
};

const dnsNames: Readonly<Record<string, Kind>> = {
  name: 'text',
  port: 'number',
  scheme: 'text',
  path: 'text',
  servers: 'list',
  interval: 'number',
};

const setiNames: Readonly<Record<string, Kind>> = { routing: 'text', shards: 'number', timeout: 'number' };

/** Whether a name at the top of the configuration is one of the cluster: `oort`, or `oort.…` as the book writes it. */
export function isOfCluster(name: string): boolean {
  return name === 'oort' || name.startsWith('oort.');
}

/**
 * The node that is asked for, or null. `configured` are the fields `oort` and `oort.…` of the file and of `--set`. Throws
 * `Complaint` for what is wrong or missing.
 */
export function clusterOptions(
  given: ServeArguments,
  configured: Values,
  environment: Readonly<Record<string, string | undefined>>,
): ClusterOptions | null {
  const values: Record<string, unknown> = gathered(configured);
  if (given.oortUrl !== undefined) values.url = given.oortUrl;
  if (given.oortCloud !== undefined) values.cloud = given.oortCloud;
  if (given.oortChannels !== undefined) values.channels = given.oortChannels;
  const servers = given.cluster ?? (environment.COMETD_CLUSTER || undefined);
  if (servers !== undefined) values.nats = { ...objectOf('oort.nats', values.nats ?? {}), servers };
  if (Object.keys(values).length === 0) return null;
  const { url, channels = [], readyz = 'ignore', nats, move, seti = {}, ...rest } = read('oort', names, values);
  if (readyz !== 'ignore' && readyz !== 'down' && readyz !== 'degraded')
    throw new Complaint(`'oort.readyz' is ignore, down or degraded, not '${readyz}'`);
  if (move !== undefined && (nats === undefined || (move !== 'begin' && move !== 'end')))
    throw new Complaint(
      "'oort.move' is begin or end, for a cluster that moves to NATS: it needs --cluster or oort.nats",
    );
  const isMesh = nats === undefined || move === 'begin';
  const [foreign] = isMesh ? [] : Object.keys(rest);
  if (foreign !== undefined)
    throw new Complaint(
      `'oort.${foreign}' is for nodes of a mesh, and this one is on NATS: leave it out, or say oort.move=begin`,
    );
  return {
    url: (url as string | undefined) ?? ownURL(given, isMesh),
    channels: channels as string[],
    readyz,
    seti: read('oort.seti', setiNames, seti as Values) as SetiOptions,
    mesh: isMesh ? meshOf(rest, environment.COMETD_OORT_SECRET) : null,
    nats: nats === undefined ? null : { ...natsOptions(nats as Values, environment), moving: move === 'end' },
  };
}

/** On NATS nobody comes to a node by its URL: what no other node has will do. */
function ownURL({ port, path, cert }: ServeArguments, isMesh: boolean): string {
  if (isMesh)
    throw new Complaint('A node of a cluster needs its URL, by which the others reach it: --oort-url or oort.url');
  if (port === 0) throw new Complaint('A node of a cluster on any free port needs a name: --oort-url or oort.url');
  return `${cert === undefined ? 'http' : 'https'}://${hostname()}:${port}${path}`;
}

function meshOf(values: Values, secret: string | undefined): MeshChoice {
  const { cloud = [], ca, multicast, dns, enableAckExtension, enableBinaryExtension = true, ...rest } = values;
  const options = { ...rest, ...(secret && { secret }) } as Readonly<Record<string, unknown>>;
  if (options.secret === undefined && options.acceptAnySecret !== true)
    throw new Complaint('A node of a cluster needs the secret of all nodes: set COMETD_OORT_SECRET, or oort.secret');
  return {
    cloud: cloud as string[],
    ca: ca as string | undefined,
    multicast: multicast ? multicastOf(multicast as Values, options.allow) : null,
    dns: dns ? read('oort.dns', dnsNames, dns as Values) : null,
    // As in Java, a node that is configured carries bytes, one that is made in code does when it says so.
    options: { ...options, ack: enableAckExtension !== false, binary: enableBinaryExtension } as unknown as MeshOptions,
  };
}

function multicastOf(values: Values, allow: unknown): Values {
  const checked = { allow, ...read('oort.multicast', multicastNames, values) };
  if (checked.allow === undefined)
    throw new Complaint(
      "Anybody on the network can call out to 'oort.multicast': list the URLs or origins to trust in oort.multicast.allow",
    );
  return checked;
}

/** What workers need to know of the cluster they are among themselves. */
export interface LoopbackOptions {
  readonly channels: readonly string[];
  readonly mesh: MeshOptions;
}

/** What is about nodes on other machines, or is made anew at each start. */
const outside: readonly string[] = [
  'url',
  'secret',
  'cloud',
  'multicast',
  'dns',
  'nats',
  'move',
  'seti',
  'allow',
  'readyz',
  'ca',
  'digest',
  'acceptAnySecret',
];

/** The cluster of the workers of one command: every channel, unless `channels` says which. Throws `Complaint` for what is not for workers. */
export function loopbackOptions(
  given: ServeArguments,
  configured: Values,
  environment: Readonly<Record<string, string | undefined>>,
): LoopbackOptions {
  const values: Record<string, unknown> = gathered(configured);
  if (given.oortUrl !== undefined) values.url = given.oortUrl;
  if (given.oortCloud !== undefined) values.cloud = given.oortCloud;
  if (given.oortChannels !== undefined) values.channels = given.oortChannels;
  if (given.cluster !== undefined || environment.COMETD_CLUSTER) values.nats = {};
  const foreign = outside.find((name) => values[name] !== undefined);
  if (foreign !== undefined)
    throw new Complaint(
      `Workers are a cluster of their own, without oort.${foreign}: for a larger one start a node for each core, each with its own port and --oort-url, and leave out --workers`,
    );
  const { channels = ['/**'], enableAckExtension, enableBinaryExtension = true, ...mesh } = read('oort', names, values);
  // Connections within a machine do not break, so nothing has to be confirmed unless somebody wants it.
  return {
    channels: channels as string[],
    mesh: { ...mesh, ack: enableAckExtension === true, binary: enableBinaryExtension } as MeshOptions,
  };
}

/** `{ oort: { url } }`, `{ 'oort.url': … }` and `{ 'oort.multicast.groupPort': … }` in one. */
function gathered(configured: Values): Record<string, unknown> {
  const { oort = {}, ...dotted } = configured;
  const values: Record<string, unknown> = { ...objectOf('oort', oort) };
  for (const [name, value] of Object.entries(dotted)) {
    const [, key = '', inner, ...more] = name.split('.');
    const isNested = inner !== undefined && names[key] === 'object' && more.length === 0;
    if (!isNested) values[name.slice('oort.'.length)] = value;
    else values[key] = { ...objectOf(`oort.${key}`, values[key] ?? {}), [inner]: value };
  }
  return values;
}
