/** The options a server is made with: from a file, then from flags, then from `--set`; the last one wins. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BayeuxServer, optionSpecs, type ServerOptions, suggestion } from '@cometd-ts/server';
import { parse } from 'yaml';
import { flagNames, type ServeArguments } from './arguments.ts';
import { Complaint, reasonOf } from './complaint.ts';
import { type ManagementPlace, managementPlace } from './management.ts';

/** What is made of the options. */
export interface Configured {
  readonly bayeux: BayeuxServer;
  /** Null when management is not asked for. */
  readonly place: ManagementPlace | null;
}

/** Makes the server. Throws `Complaint` that names the option which is wrong. */
export async function configured(
  given: ServeArguments,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Configured> {
  const { management, ...options }: Record<string, unknown> =
    given.config === undefined ? {} : await fromFile(given.config);
  const place = managementPlace(given, management, environment);
  if (given.logLevel !== undefined) options.logLevel = given.logLevel;
  if (given.allowedOrigins !== undefined) options.allowedOrigins = given.allowedOrigins;
  for (const setting of given.set) assign(options, setting);
  try {
    return { bayeux: new BayeuxServer(options as ServerOptions), place };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new Complaint(error.message);
    throw error;
  }
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
  for (const name of Object.keys(value)) if (name !== 'management') permit(name);
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
export function effective(server: BayeuxServer, given: ServeArguments): string {
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
  add('', settings);
  return lines.join('\n');
}
