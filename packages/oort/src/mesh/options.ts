/** What a mesh is made with. */
import type { QueueBounds } from '@cometd-ts/server';
import type { Discovery } from './discovery.ts';
import { type LinkOptions, type LinkSettings, linkSettings } from './link-options.ts';
import { type Digest, digestOf } from './secret.ts';

/** Times are in ms. */
export interface MeshOptions extends LinkOptions {
  /** What all nodes of the cluster know, Java nodes included, and nobody else. It travels as a digest: use `https:` URLs. */
  readonly secret?: string;
  /** Lets every handshake in that claims to come from a node. For clusters nobody else can reach. Default false. */
  readonly acceptAnySecret?: boolean;
  /** How the secret travels: `sha1` for nodes of CometD before 4.0.5. Default `sha512`. */
  readonly digest?: Digest;
  /** Messages of a short break are sent again. Default true. */
  readonly ack?: boolean;
  /** Data of messages may be bytes. Default false. */
  readonly binary?: boolean;
  /**
   * Where this node may be sent by others: a function, or URLs and origins such as `https://10.0.0.7:8443`. A node that comes
   * from anywhere else is refused. What the application observes itself is not asked for. Default everywhere.
   */
  readonly allow?: ((url: string) => boolean) | readonly string[];
  /** Finds other nodes. Default none: `observeComet` tells where they are. */
  readonly discovery?: Discovery | readonly Discovery[];
  /** Where the node of a URL is reached from here, when that is not its URL: behind NAT, or through a proxy. Default the URL itself. */
  readonly address?: (url: string) => string;
  /** How long a session of a node may be silent before that node has left. Default: the server's `maxInterval`. */
  readonly maxInterval?: number;
  /** How long connects of nodes are held. Default: the server's `timeout`. */
  readonly timeout?: number;
  /** Messages that wait for a node here, and those it has not confirmed; −1 for no bound. A node that falls behind so far is ended, and comes anew. Default 100000. */
  readonly maxNodeQueue?: number;
  /** Characters of them; −1 for no bound. Default 64 MiB. */
  readonly maxNodeQueueBytes?: number;
  /** How long half a pair of links may stay half before it is reported, and the other node is asked again. Default 10000. */
  readonly patience?: number;
  /**
   * After how long a node that cannot be reached, and is not here either, is looked for no longer, as `deobserveComet` does it: for
   * nodes whose URLs are not used again, such as pods. Who comes anew is welcome. Default never.
   */
  readonly forgetAfter?: number;
  /** How many nodes another node may tell of in one message, and how many that cannot be reached are tried. Default 1000. */
  readonly maxComets?: number;
}

export interface MeshSettings {
  /** As it travels. */
  readonly secret: string;
  readonly acceptAnySecret: boolean;
  readonly ack: boolean;
  readonly binary: boolean;
  readonly allows: (url: string) => boolean;
  readonly discovery: readonly Discovery[];
  readonly address: (url: string) => string;
  readonly maxInterval: number | null;
  readonly timeout: number | null;
  readonly queueBounds: QueueBounds;
  readonly patience: number;
  readonly forgetAfter: number | null;
  readonly maxComets: number;
  readonly link: LinkSettings;
}

export function meshSettings(options: MeshOptions): MeshSettings {
  const { secret = '', acceptAnySecret = false, digest = 'sha512', allow } = options;
  if (typeof secret !== 'string' || (secret === '' && !acceptAnySecret))
    throw new TypeError('A cluster needs a secret that all its nodes share (option secret)');
  if (digest !== 'sha512' && digest !== 'sha1') throw new RangeError(`The digest is sha512 or sha1, not ${digest}`);
  return {
    secret: digestOf(secret, digest),
    acceptAnySecret,
    ack: options.ack ?? true,
    binary: options.binary ?? false,
    allows: allowing(allow),
    discovery: [options.discovery ?? []].flat(),
    address: options.address ?? ((url) => url),
    maxInterval: time('maxInterval', options.maxInterval),
    timeout: time('timeout', options.timeout),
    queueBounds: {
      maxQueue: bound('maxNodeQueue', options.maxNodeQueue ?? 100_000),
      maxQueueBytes: bound('maxNodeQueueBytes', options.maxNodeQueueBytes ?? 67_108_864),
    },
    patience: time('patience', options.patience) ?? 10_000,
    forgetAfter: time('forgetAfter', options.forgetAfter),
    maxComets: time('maxComets', options.maxComets) ?? 1000,
    link: linkSettings(options),
  };
}

function time(name: string, value: number | undefined): number | null {
  if (value === undefined) return null;
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`The option ${name} must not be ${value}`);
  return value;
}

function bound(name: string, value: number): number {
  if (!Number.isInteger(value) || value < -1) throw new RangeError(`The option ${name} must not be ${value}`);
  return value;
}

function allowing(allow: MeshOptions['allow']): (url: string) => boolean {
  if (allow === undefined) return () => true;
  if (typeof allow === 'function') return (url) => allow(url) === true;
  const allowed = new Set(allow);
  return (url) => allowed.has(url) || allowed.has(new URL(url).origin);
}
