/** The options of a cluster: `oort` in the configuration, flags and the environment; checked, with the names of the book. */
import type { MeshOptions } from '@cometd-ts/oort/mesh';
import { suggestion } from '@cometd-ts/server';
import type { ServeArguments } from './arguments.ts';
import { Complaint } from './complaint.ts';

type Kind = 'text' | 'number' | 'boolean' | 'list' | 'object';
type Values = Readonly<Record<string, unknown>>;

/** What `/readyz` makes of a cluster that is not whole. */
export type Readiness = 'ignore' | 'down' | 'degraded';

/** A node as it was asked for. */
export interface ClusterOptions {
  readonly url: string;
  readonly channels: readonly string[];
  readonly cloud: readonly string[];
  readonly readyz: Readiness;
  /** File of certificates to trust. */
  readonly ca: string | undefined;
  readonly multicast: Values | null;
  readonly dns: Values | null;
  /** What goes to the mesh as it is; the secret is among it. */
  readonly mesh: MeshOptions;
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

/** Parameters of Java nodes that mean nothing here: accepted, so that configurations can be reused. */
const withoutMeaning: ReadonlySet<string> = new Set([
  'clientDebug',
  'clientTransportFactories',
  'jsonContext',
  'protocol',
]);

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
  if (Object.keys(values).length === 0) return null;
  if (environment.COMETD_OORT_SECRET) values.secret = environment.COMETD_OORT_SECRET;
  const checked = read('oort', names, values);
  const { url, channels = [], cloud = [], readyz = 'ignore', ca, multicast, dns, ...rest } = checked;
  if (url === undefined)
    throw new Complaint('A node of a cluster needs its URL, by which the others reach it: --oort-url or oort.url');
  if (rest.secret === undefined && rest.acceptAnySecret !== true)
    throw new Complaint('A node of a cluster needs the secret of all nodes: set COMETD_OORT_SECRET, or oort.secret');
  if (readyz !== 'ignore' && readyz !== 'down' && readyz !== 'degraded')
    throw new Complaint(`'oort.readyz' is ignore, down or degraded, not '${readyz}'`);
  const { enableAckExtension, enableBinaryExtension = true, ...mesh } = rest;
  return {
    url: url as string,
    channels: channels as string[],
    cloud: cloud as string[],
    readyz,
    ca: ca as string | undefined,
    multicast: multicast ? multicastOf(multicast as Values, rest.allow) : null,
    dns: dns ? read('oort.dns', dnsNames, dns as Values) : null,
    // As in Java, a node that is configured carries bytes, one that is made in code does when it says so.
    mesh: { ...mesh, ack: enableAckExtension !== false, binary: enableBinaryExtension } as MeshOptions,
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
  'allow',
  'readyz',
  'ca',
  'digest',
  'acceptAnySecret',
];

/** The cluster of the workers of one command: every channel, unless `channels` says which. Throws `Complaint` for what is not for workers. */
export function loopbackOptions(given: ServeArguments, configured: Values): LoopbackOptions {
  const values: Record<string, unknown> = gathered(configured);
  if (given.oortUrl !== undefined) values.url = given.oortUrl;
  if (given.oortCloud !== undefined) values.cloud = given.oortCloud;
  if (given.oortChannels !== undefined) values.channels = given.oortChannels;
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

function objectOf(name: string, value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Complaint(`'${name}' in the configuration must be an object`);
}

function read(place: string, known: Readonly<Record<string, Kind>>, values: Values): Record<string, unknown> {
  const checked: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(values)) {
    const name = given.replace(/^ws\./, '');
    if (value === undefined || withoutMeaning.has(name)) continue;
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!kind) {
      const near = suggestion(name, Object.keys(known));
      throw new Complaint(`'${place}' in the configuration has no '${printed(given)}'${near}`);
    }
    checked[name] = typed(`${place}.${name}`, kind, value);
  }
  return checked;
}

function printed(name: string): string {
  return name.slice(0, 100);
}

/** Texts are read as what is wanted, as with the options of the server. What is wrong is not shown: it may be the secret. */
function typed(name: string, kind: Kind, value: unknown): unknown {
  switch (kind) {
    case 'text':
      if (typeof value === 'string' && value !== '') return value;
      throw new Complaint(`'${name}' must be a text`);
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      if (typeof number === 'number' && Number.isFinite(number)) return number;
      throw new Complaint(`'${name}' must be a number`);
    }
    case 'boolean':
      if (value === true || value === 'true') return true;
      if (value === false || value === 'false') return false;
      throw new Complaint(`'${name}' must be true or false`);
    case 'list': {
      const list =
        typeof value === 'string'
          ? value
              .split(',')
              .map((one) => one.trim())
              .filter(Boolean)
          : value;
      if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list;
      throw new Complaint(`'${name}' must be a list of texts`);
    }
    case 'object':
      return objectOf(name, value);
  }
}
