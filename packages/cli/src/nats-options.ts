/** `oort.nats` in the configuration: where NATS is, and how a node gets in. */
import type { NatsOptions } from '@cometd-ts/oort/nats';
import { Complaint } from './complaint.ts';
import { type Kind, read, type Values } from './fields.ts';

const names: Readonly<Record<string, Kind>> = {
  servers: 'list',
  namespace: 'text',
  user: 'text',
  password: 'text',
  token: 'text',
  credentials: 'text',
  nkey: 'text',
  tls: 'object',
  connectTimeout: 'number',
  heartbeat: 'number',
  leaveAfter: 'number',
  interest: 'list',
  linger: 'number',
  maxQueue: 'number',
  maxQueueBytes: 'number',
  replicas: 'number',
  storage: 'text',
};

const tlsNames: Readonly<Record<string, Kind>> = {
  caFile: 'text',
  certFile: 'text',
  keyFile: 'text',
  handshakeFirst: 'boolean',
};

/** What is known to nobody but this node and NATS: not on the command line, and not in logs. */
export const natsSecrets: readonly string[] = ['password', 'token', 'nkey'];

/** Throws `Complaint` for what is wrong. */
export function natsOptions(
  values: Values,
  environment: Readonly<Record<string, string | undefined>>,
): NatsOptions & { readonly servers: readonly string[] } {
  const { tls, ...options } = read('oort.nats', names, values);
  for (const name of natsSecrets) {
    const secret = environment[`COMETD_NATS_${name.toUpperCase()}`];
    if (secret) options[name] = secret;
  }
  const servers = (options.servers ?? []) as readonly string[];
  if (servers.length === 0)
    throw new Complaint(
      'A cluster on NATS needs its servers: --cluster nats://nats1.example.com:4222, or oort.nats.servers',
    );
  for (const server of servers) {
    if (!/^(nats|tls):\/\//.test(server))
      throw new Complaint('A server of NATS is written nats://host:4222, or tls://host:4222 when it must be encrypted');
    if (server.includes('@'))
      throw new Complaint(
        'The URL of NATS names a user: that is oort.nats.user, and the password COMETD_NATS_PASSWORD',
      );
  }
  return {
    ...options,
    servers,
    ...(tls !== undefined && { tls: read('oort.nats.tls', tlsNames, tls as Values) }),
  } as NatsOptions & { readonly servers: readonly string[] };
}
