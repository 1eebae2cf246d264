/** What the command line of `cometd serve` says, checked. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { suggestion } from '@cometd-ts/server';
import { Complaint } from './complaint.ts';

/** What was asked for on the command line and in the environment. */
export interface ServeArguments {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly config: string | undefined;
  /** Options as `name=value`, later ones win. */
  readonly set: readonly string[];
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly allowedOrigins: string | undefined;
  readonly services: readonly string[];
  readonly demo: boolean;
  /** How many processes serve; undefined when nobody has said so. */
  readonly workers: number | undefined;
  /** How long SIGTERM may take, in ms. */
  readonly drain: number;
  /** How long SIGTERM changes nothing but `/readyz`, in ms. */
  readonly notice: number | undefined;
  /** Port of metrics and health. */
  readonly management: number | undefined;
  readonly managementHost: string | undefined;
  /** Path of metrics and health on the port of the clients. */
  readonly managementPath: string | undefined;
  readonly logLevel: string | undefined;
  /** URL of this node of a cluster. */
  readonly oortUrl: string | undefined;
  /** URLs of other nodes, separated by commas. */
  readonly oortCloud: string | undefined;
  /** Channels to observe, separated by commas. */
  readonly oortChannels: string | undefined;
  /** URLs of NATS servers, separated by commas. */
  readonly cluster: string | undefined;
}

const flags = {
  port: { type: 'string', short: 'p' },
  host: { type: 'string' },
  path: { type: 'string' },
  config: { type: 'string', short: 'c' },
  set: { type: 'string', multiple: true },
  cert: { type: 'string' },
  key: { type: 'string' },
  'allowed-origins': { type: 'string' },
  services: { type: 'string', multiple: true },
  demo: { type: 'boolean' },
  workers: { type: 'string' },
  drain: { type: 'string' },
  notice: { type: 'string' },
  management: { type: 'string' },
  'management-host': { type: 'string' },
  'management-path': { type: 'string' },
  'log-level': { type: 'string' },
  'oort-url': { type: 'string' },
  'oort-cloud': { type: 'string' },
  'oort-channels': { type: 'string' },
  cluster: { type: 'string' },
} as const;

/** Names of the flags, without dashes. */
export const flagNames: readonly string[] = Object.keys(flags);

/** Throws `Complaint` for a flag that does not exist or has no value, and for a port that is none. */
export function parseServe(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ServeArguments {
  const values = read(args);
  return {
    // An empty variable is an unset one: taken as a host, '' would open the server to the whole network.
    port: portOf(values.port ?? (environment.PORT || '8080')),
    host: values.host ?? (environment.HOST || '127.0.0.1'),
    path: values.path ?? '/cometd',
    config: values.config,
    set: values.set ?? [],
    cert: values.cert,
    key: values.key,
    allowedOrigins: values['allowed-origins'],
    services: values.services ?? [],
    demo: values.demo ?? false,
    workers: workersOf(values.workers ?? (environment.COMETD_WORKERS || undefined)),
    drain: timeOf(values.drain ?? '25000'),
    notice: values.notice === undefined ? undefined : timeOf(values.notice),
    management: values.management === undefined ? undefined : portOf(values.management),
    managementHost: values['management-host'],
    managementPath: values['management-path'],
    logLevel: values['log-level'],
    oortUrl: values['oort-url'],
    oortCloud: values['oort-cloud'],
    oortChannels: values['oort-channels'],
    cluster: values.cluster,
  };
}

function read(args: readonly string[]) {
  const given = { args: [...args], options: flags } as const;
  const { tokens } = parseArgs({ ...given, strict: false, allowPositionals: true, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') throw new Complaint(`'${token.value}' is no flag: cometd serve --help lists them`);
    if (token.kind === 'option') check(token.name, token.rawName, token.value, token.inlineValue === true);
  }
  return parseArgs({ ...given, strict: true }).values;
}

/** Says what the parser would say, but in words that name the flag and the nearest one. */
function check(name: string, rawName: string, value: string | undefined, isInline: boolean): void {
  if (!flagNames.includes(name)) {
    const near = suggestion(
      rawName,
      flagNames.map((flag) => `--${flag}`),
    );
    throw new Complaint(`There is no flag '${rawName}'${near || ': cometd serve --help lists them'}`);
  }
  if (flags[name as keyof typeof flags].type === 'boolean') {
    if (value !== undefined) throw new Complaint(`The flag '${rawName}' takes no value`);
    return;
  }
  // A value that begins with a dash is more often a forgotten one; who means it writes --flag=-value.
  if (value === undefined || value === '' || (!isInline && value.startsWith('-'))) {
    throw new Complaint(`The flag '${rawName}' needs a value`);
  }
}

/** Throws `Complaint` for what is no port. */
export function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== '') return port;
  throw new Complaint(`The port must be a number from 0 to 65535, not '${text}'`);
}

/** Most workers of one command. */
const MOST_WORKERS = 128;

/** How many workers are asked for; `auto` is one for each core. Throws `Complaint` for what is no number of workers. */
export function workersOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (text === 'auto') return Math.min(availableParallelism(), MOST_WORKERS);
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_WORKERS) return count;
  throw new Complaint(`The number of workers must be auto, or from 1 to ${MOST_WORKERS}, not '${text}'`);
}

function timeOf(text: string): number {
  const time = Number(text);
  if (time >= 0 && time < 2 ** 31 && text.trim() !== '') return time;
  throw new Complaint(`The time to drain must be in ms, not '${text}'`);
}
