/** The options a server is made with: from a file, then from flags, then from `--set`; the last one wins. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BayeuxServer, optionSpecs, type ServerOptions, suggestion } from '@cometd-ts/server';
import { parse } from 'yaml';
import { flagNames, type ServeArguments, workersOf } from './arguments.ts';
import {
  type ClusterOptions,
  clusterOptions,
  isOfCluster,
  type LoopbackOptions,
  loopbackOptions,
} from './cluster-options.ts';
import { Complaint, reasonOf } from './complaint.ts';
import { type ManagementPlace, managementPlace } from './management.ts';
import { natsSecrets } from './nats-options.ts';

/** What is made of the options. */
export interface Configured {
  readonly bayeux: BayeuxServer;
  /** Null when management is not asked for. */
  readonly place: ManagementPlace | null;
  /** Null when it is no node of a cluster. */
  readonly cluster: ClusterOptions | null;
  /** Null when this process is to serve by itself. */
  readonly workers: WorkersOptions | null;
}

/** How many workers serve, and how they are one. */
export interface WorkersOptions extends LoopbackOptions {
  readonly count: number;
}

/** What nodes take in one message unless the options say otherwise, in bytes: others share all they have at a start. */
const NODE_MESSAGE_SIZE = 1_048_576;

/** Makes the server. Throws `Complaint` that names the option which is wrong. */
export async function configured(
  given: ServeArguments,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Configured> {
  const {
    management,
    workers: inFile,
    ...options
  }: Record<string, unknown> = given.config === undefined ? {} : await fromFile(given.config);
  const place = managementPlace(given, management, environment);
  if (given.logLevel !== undefined) options.logLevel = given.logLevel;
  if (given.allowedOrigins !== undefined) options.allowedOrigins = given.allowedOrigins;
  for (const setting of given.set) assign(options, setting);
  const count = given.workers ?? workersOf(inFile === undefined ? undefined : String(inFile));
  const ofCluster = takeCluster(options);
  const cluster = count === undefined ? clusterOptions(given, ofCluster, environment) : null;
  const workers = count === undefined ? null : { count, ...loopbackOptions(given, ofCluster, environment) };
  if ((cluster || workers) && !('maxMessageSize' in options) && !('ws.maxMessageSize' in options))
    options.maxMessageSize = NODE_MESSAGE_SIZE;
  try {
    return { bayeux: new BayeuxServer(options as ServerOptions), place, cluster, workers };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new Complaint(error.message);
    throw error;
  }
}

/** Takes the fields of the cluster out of the options. */
function takeCluster(options: Record<string, unknown>): Record<string, unknown> {
  const taken: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!isOfCluster(name)) continue;
    taken[name] = value;
    delete options[name];
  }
  return taken;
}

async function fromFile(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new Complaint(`The configuration cannot be read: ${reasonOf(error)}`);
  }
  const isYaml = ['.yaml', '.yml'].includes(path.extname(file));
  let value: unknown;
  try {
    value = isYaml ? parse(text) : JSON.parse(text);
  } catch (error) {
    const [sentence = ''] = reasonOf(error).split('\n');
    throw new Complaint(`The configuration ${file} is not valid ${isYaml ? 'YAML' : 'JSON'}: ${sentence}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Complaint(`The configuration ${file} must be an object of options`);
  }
  for (const name of Object.keys(value))
    if (!['management', 'workers'].includes(name) && !isOfCluster(name)) permit(name);
  return { ...value };
}

/** Takes `name=value` over; `limits.maxDepth=32` sets one limit. */
function assign(options: Record<string, unknown>, setting: string): void {
  const equals = setting.indexOf('=');
  if (equals < 1) throw new Complaint(`--set takes name=value, not '${setting}'`);
  const name = setting.slice(0, equals);
  const value = setting.slice(equals + 1);
  if (name.startsWith('limits.')) {
    const number = value.trim() === '' ? Number.NaN : Number(value);
    if (Number.isNaN(number)) throw new Complaint(`The option '${name}' must be a number, not '${value}'`);
    options.limits = { ...(options.limits as object | undefined), [name.slice('limits.'.length)]: number };
    return;
  }
  if (name === 'limits') throw new Complaint("A limit is set by its name, such as '--set limits.maxDepth=32'");
  if (isOfCluster(name)) {
    if (name === 'oort') throw new Complaint("The cluster is set by its names, such as '--set oort.maxBackoff=5000'");
    if (name.startsWith('oort.secret'))
      throw new Complaint(
        'A secret on the command line is seen by all: set COMETD_OORT_SECRET, or oort.secret in the file',
      );
    const secret = natsSecrets.find((one) => name === `oort.nats.${one}`);
    if (secret !== undefined)
      throw new Complaint(
        `A secret on the command line is seen by all: set COMETD_NATS_${secret.toUpperCase()}, or ${name} in the file`,
      );
    options[name] = value;
    return;
  }
  if (!optionSpecs.has(name) && !flagNames.includes(name)) {
    throw new Complaint(`There is no option '${name}'${suggestion(name)}`);
  }
  permit(name);
  options[name] = value;
}

/** Throws for what no text can say, and for what is a flag. Names that do not exist at all are the library's to refuse. */
function permit(name: string): void {
  const spec = optionSpecs.get(name);
  if (!spec && flagNames.includes(name)) throw new Complaint(`'${name}' is no option of the server: give --${name}`);
  if (name === 'limits') return;
  if (spec?.kind === 'object' || spec?.kind === 'function') {
    throw new Complaint(`The option '${name}' can only be set in code`);
  }
}

/** What is in effect, one line each, for the log: the flags as `serve.…`, then the settings of the server. */
export function effective(server: BayeuxServer, given: ServeArguments, cluster: ClusterOptions | null): string {
  const { logger: _logger, jsonContext: _json, ...settings } = server.settings;
  const { set: _set, allowedOrigins: _origins, logLevel: _level, ...serve } = given;
  const lines: string[] = [];
  const add = (prefix: string, value: object): void => {
    for (const [name, one] of Object.entries(value)) {
      if (typeof one === 'object' && one !== null && !Array.isArray(one)) add(`${prefix}${name}.`, one);
      else if (one !== undefined)
        lines.push(`  ${prefix}${name} = ${Array.isArray(one) ? one.join(', ') : String(one)}`);
    }
  };
  add('serve.', serve);
  if (cluster) {
    const { mesh, nats, ...oort } = cluster;
    const { options, ...choice } = mesh ?? {};
    const { secret: _secret, ...shown } = options ?? {};
    const open = Object.entries(nats ?? {}).filter(([name]) => !natsSecrets.includes(name));
    add('oort.', { ...oort, ...choice, ...shown, ...(nats && { nats: Object.fromEntries(open) }) });
  }
  add('', settings);
  return lines.join('\n');
}
