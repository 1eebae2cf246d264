/** What the command line of `cometd serve` says, checked. */
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
  readonly logLevel: string | undefined;
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
  'log-level': { type: 'string' },
} as const;

/** Throws `Complaint` for a flag that does not exist or has no value, and for a port that is none. */
export function parseServe(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ServeArguments {
  const values = read(args);
  return {
    port: portOf(values.port ?? environment.PORT ?? '8080'),
    host: values.host ?? environment.HOST ?? 'localhost',
    path: values.path ?? '/cometd',
    config: values.config,
    set: values.set ?? [],
    cert: values.cert,
    key: values.key,
    allowedOrigins: values['allowed-origins'],
    services: values.services ?? [],
    demo: values.demo ?? false,
    logLevel: values['log-level'],
  };
}

function read(args: readonly string[]) {
  for (const arg of args) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name !== undefined && !Object.hasOwn(flags, name)) {
      throw new Complaint(
        `There is no flag '--${name}'${suggestion(
          `--${name}`,
          Object.keys(flags).map((flag) => `--${flag}`),
        )}`,
      );
    }
  }
  try {
    return parseArgs({ args: [...args], options: flags, strict: true }).values;
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split('\n');
    throw new Complaint(sentence.replace(/\.$/, ''));
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535 && text.trim() !== '') return port;
  throw new Complaint(`The port must be a number from 0 to 65535, not '${text}'`);
}
