/** The reference pages say what the code says: they are made from it. Run this file with `-u` to write them anew. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type BayeuxClientOptions,
  type ClientErrorCode,
  type ClientOptions,
  type ClientState,
  CometD,
  BayeuxClient as NodeClient,
  type NodeOptions,
  type Status,
  Transport,
} from '@cometd-ts/client/node';
import { errorTable } from '@cometd-ts/protocol';
import { optionSpecs } from '@cometd-ts/server';
import { transform } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { cell, type Field, fieldsOf, madeBy, root } from './reference-source.ts';

const made = madeBy('reference.test.ts');

function table(rows: readonly Field[]): string {
  return [
    '| Option | Type | Meaning |',
    '|---|---|---|',
    ...rows.map((row) => `| \`${row.name}\` | \`${cell(row.type)}\` | ${cell(row.says)} |`),
  ].join('\n');
}

const options = 'packages/server/src/options.ts';

/** What clients understand, and the unit of what is a number. The compiler holds this list to the options there are. */
const clientUnits: Record<keyof ClientOptions, string> = {
  jsonContext: '',
  urls: '',
  logLevel: '',
  useWorkerScheduler: '',
  protocol: '',
  stickyReconnect: '',
  fallbackAfter: 'attempts',
  connectTimeout: 'ms',
  maxConnections: 'requests',
  backoffIncrement: 'ms',
  maxBackoff: 'ms',
  jitter: 'part of 1',
  maxNetworkDelay: 'ms',
  requestHeaders: '',
  appendMessageTypeToURL: '',
  autoBatch: '',
  maxURILength: 'characters',
  maxSendBayeuxMessageSize: 'characters',
  maxResponseSize: 'bytes',
  advice: 'ms',
};

/** What only the typed client understands; words for those whose docstring has none. */
const typedUnits: Record<Exclude<keyof BayeuxClientOptions, keyof ClientOptions>, { unit: string; says?: string }> = {
  transports: { unit: '' },
  extensions: { unit: '', says: 'Extensions, in the order in which they see incoming messages. Default none.' },
  auth: { unit: '', says: 'Answers `{ headers, ext }`, or a promise of it. Default none.' },
  maxAuthRenewals: { unit: 'renewals' },
  resubscribe: { unit: '' },
  schemas: { unit: '', says: 'Default none.' },
  platform: {
    unit: '',
    says: 'Replaces parts of the surroundings: how HTTP requests are sent and WebSockets opened, timers, console, session storage. Default what is there.',
  },
};

const nodeUnits: Record<keyof NodeOptions, { unit: string; says?: string }> = {
  cookieJar: { unit: '' },
  proxy: { unit: '' },
  agent: { unit: '', says: 'Default our own.' },
  tls: {
    unit: '',
    says: 'How TLS connections are made: `ca`, `cert`, `key`, `pfx`, `passphrase`, `servername`, `rejectUnauthorized`, `checkServerIdentity`, `minVersion`, `maxVersion`, `ciphers`, as in `node:tls`. Default those of Node.js.',
  },
  headers: { unit: '', says: 'Default none.' },
  perMessageDeflate: { unit: '' },
  maxPayload: { unit: 'bytes' },
};

/** Every code of `ClientError`: when it comes, and what to do. The compiler holds this list to the codes there are. */
const clientErrors: Record<ClientErrorCode, { when: string; act: string }> = {
  timeout: {
    when: 'No reply came within `maxNetworkDelay`, within the `timeout` of a remote call or of `waitFor`, or a WebSocket did not open within `connectTimeout`.',
    act: 'The server may have had the message: look at `sent`. When it happens to healthy servers, raise `maxNetworkDelay`.',
  },
  network: {
    when: 'The server was not reached, or the connection broke over HTTP. `cause` is the error of the platform.',
    act: 'The client tries again by itself. For a message, look at `sent`.',
  },
  http: {
    when: 'The server, or something before it, answered with a status other than 200; `httpCode` has it.',
    act: '401 and 403 of handshakes and connects call `auth`. 404 is a wrong URL, 413 a message that is too large for the server, 502 to 504 a proxy whose server is away.',
  },
  closed: {
    when: 'The WebSocket closed before the reply; `websocketCode` says how: 1006 without a farewell, 1009 because a message was too large.',
    act: 'The client connects again by itself. For a message, look at `sent`.',
  },
  aborted: {
    when: '`abort()` was called, or a subscription was ended before the server had answered.',
    act: 'Nothing: it was you. An `AbortSignal` rejects with its own `reason`, not with this.',
  },
  disconnected: {
    when: 'The client is not begun, has ended, or has given up.',
    act: 'Call `handshake()`, and send again.',
  },
  too_large: {
    when: 'The message is longer than `maxSendBayeuxMessageSize`, or the response longer than `maxResponseSize`.',
    act: 'Send it in pieces, or raise the option; the server has its own `maxMessageSize`.',
  },
  message_deleted: {
    when: 'An extension of the client deleted the message.',
    act: 'Ask the extension.',
  },
  negotiation: {
    when: 'Client and server have no transport in common.',
    act: 'Compare `transports` with the `allowedTransports` of the server.',
  },
  unauthorized: {
    when: 'The server refused credentials `maxAuthRenewals` times in a row. `cause` is its last answer.',
    act: 'The status is `terminated`. Ask the user to sign in, then call `handshake()`.',
  },
  overflow: {
    when: 'More than `limit` messages wait in a `messages()` loop.',
    act: 'Read faster, or raise `limit`. The subscription has ended.',
  },
};

/** What the pages on the clients must speak of. */
const states: Record<ClientState, true> = {
  disconnected: true,
  handshaking: true,
  rehandshaking: true,
  handshaken: true,
  connecting: true,
  connected: true,
  unconnected: true,
  disconnecting: true,
  terminating: true,
};

const statuses: Record<Status['type'], true> = {
  disconnected: true,
  connecting: true,
  connected: true,
  degraded: true,
  unconnected: true,
  're-handshaking': true,
  'session-lost': true,
  terminated: true,
};

/** The options a typed client runs with, as a transport sees them. */
class Witness extends Transport {
  accept(): boolean {
    return true;
  }

  send(): void {
    throw new Error('Nothing is sent');
  }

  abort(): void {
    throw new Error('Nothing is under way');
  }
}

function typedDefaults(): Readonly<Record<string, unknown>> {
  const witness = new Witness();
  new NodeClient('http://localhost/cometd', { transports: [witness] });
  return witness.configuration;
}

/** The rows of a table with units and defaults. `defaults` come from the code, else from the docstring. */
function optionTable(
  rows: readonly { name: string; type: string; says: string; unit: string; usual: string }[],
): string {
  return [
    '| Option | Type | Unit | Default | Meaning |',
    '|---|---|---|---|---|',
    ...rows.map(
      ({ name, type, says, unit, usual }) =>
        `| \`${name}\` | \`${cell(type)}\` | ${unit} | ${cell(usual)} | ${cell(says)} |`,
    ),
  ].join('\n');
}

/** The part of a docstring that names the default, and the rest. */
function splitDefault(says: string): { usual: string; rest: string } {
  const [sentence = '', usual = ''] = / ?\bDefault:? ((?:[^.]|\.(?=\S))+)\./.exec(says) ?? [];
  const value = /^(?:true|false|\d+)\b(?! MiB)/;
  return {
    usual: value.test(usual) ? usual.replace(value, '`$&`') : usual.replace(/^./, (first) => first.toUpperCase()),
    rest: says.replace(sentence, '').trim(),
  };
}

/** The file of the client that declares an interface. */
async function fileOf(name: string): Promise<string> {
  const folder = 'packages/client/src';
  for (const file of await readdir(path.join(root, folder), { recursive: true })) {
    if (!file.endsWith('.ts')) continue;
    const source = await readFile(path.join(root, folder, file), 'utf8');
    if (new RegExp(`export interface ${name}\\b`).test(source)) return path.join(folder, file);
  }
  throw new Error(`Nothing in ${folder} declares ${name}`);
}

async function typedRows(name: string, words: Record<string, { unit: string; says?: string }>) {
  const fields = await fieldsOf(await fileOf(name), name);
  expect(fields.map((field) => field.name).sort()).toEqual(Object.keys(words).sort());
  return fields.map((field) => {
    const { unit = '', says = '' } = words[field.name] ?? {};
    const { usual, rest } = splitDefault(`${field.says} ${/Default/.test(field.says) ? '' : says}`.trim());
    expect([field.name, usual, rest]).not.toContain('');
    if (/\bnumber\b/.test(field.type)) expect(unit, field.name).not.toBe('');
    return { ...field, unit, usual, says: rest };
  });
}

describe('the reference', () => {
  it('lists every option with its type and default', async () => {
    const sections = await Promise.all(
      ['BayeuxOptions', 'TransportOptions', 'HttpOptions', 'WebSocketOptions'].map((name) => fieldsOf(options, name)),
    );
    const names = new Set(sections.flat().map((field) => field.name));
    const plain = [...optionSpecs.keys()].filter((name) => !/^(ws|long-polling(\.jsonp?)?)\./.test(name));
    expect([...names].sort()).toEqual(plain.sort());
    for (const { name, says } of sections.flat()) expect(says, name).toMatch(/Default/);
    const [server = [], transport = [], http = [], webSocket = []] = sections;
    const page = `# Options

${made}

Give options to \`new BayeuxServer({ … })\`, or to \`cometd serve\` in \`--config\` and with \`--set name=value\`. Numbers are
milliseconds where the meaning does not say otherwise. Every option of a transport counts for all transports, or for one
alone with its prefix: \`ws.\` for websocket, \`long-polling.json.\` for long-polling, \`long-polling.jsonp.\` for
callback-polling, \`long-polling.\` for both of these. The most specific one wins.

A name that does not exist, or a value of the wrong type, is an error when the server is made. The options of Java CometD
that mean nothing on Node.js (\`transports\`, \`jsonDebug\`, \`mimeType\`, \`sweepThreads\`, \`schedulerThreads\`,
\`executorMaxThreads\`, \`ws.bufferSize\`) are accepted and ignored.

## Server

${table(server)}

## Every transport

${table(transport)}

## HTTP transports

Prefix \`long-polling.\`, \`long-polling.json.\` or \`long-polling.jsonp.\`

${table(http)}

## WebSocket transport

Prefix \`ws.\`

${table(webSocket)}
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/options.md'));
  });

  it('has a heading for every error', async () => {
    const sections = Object.entries(errorTable).map(
      ([code, { status, text, meaning }]) => `## ${code}\n\n\`${status}:…:${text}\`\n\n${meaning}.`,
    );
    const page = `# Errors

${made}

A message that failed is answered with \`successful: false\` and an \`error\`: three digits, arguments separated by commas,
and a text, as in \`403:denied_by_security_policy:publish_denied\`. \`parseError\` of \`@cometd-ts/protocol\` reads one;
match on its \`code\`, which is one of the headings below.

A payload that is refused as a whole has no reply: over HTTP it is a status (400 for what is no Bayeux, 403 for a foreign
origin, 413 for too many bytes, 415 for another content type, 503 when the server receives too much), over WebSocket a
close code (1003 for a binary frame, 1007 for what is no JSON, 1008 for what is no Bayeux or over a limit, 1009 for too
many bytes).

${sections.join('\n\n')}
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/errors.md'));
  });

  it('lists every limit with its default', async () => {
    const limits = await fieldsOf('packages/protocol/src/limits.ts', 'Limits');
    expect(limits.length).toBeGreaterThan(7);
    const page = `# Limits

${made}

Everything that strangers send, and everything that waits for them, is bounded. Where a limit is hit, the answer names it,
and \`server.diagnostics.counters\` counts it as \`limit_hit.<name>\`.

## Of a payload

Give these in the option \`limits\`, as in \`new BayeuxServer({ limits: { maxDepth: 32 } })\`. They are checked before any
value is made of the text. A payload over \`maxMessages\`, \`maxDepth\`, \`maxKeys\` or \`maxNodes\` is refused as a whole
(HTTP 400, WebSocket close 1008); the others refuse one message, and its neighbours are processed.

${table(limits).replace('| Option |', '| Limit |')}

## Of a server, a transport, a session

These are options; [Options](options.md) has their defaults.

| Option | When it is hit |
|---|---|
| \`maxMessageSize\` | HTTP 413, WebSocket close 1009 |
| \`maxInFlightBytes\` | HTTP 503 |
| \`maxQueue\`, \`maxQueueBytes\` | \`queuePolicy\`, unless the session has a \`queueMaxed\` listener; with \`disconnect\` the connect is answered \`402::session_unknown\` |
| \`maxSubscriptionsPerSession\` | the subscribe fails with \`400:maxSubscriptionsPerSession,…:limit_exceeded\` |
| \`maxRemoteChannels\` | the subscribe or publish that would create a channel fails likewise |
| \`maxSessionsPerCookie\`, \`maxUnconnectedSessions\` | the handshake fails likewise, with the advice to come again later |
| \`maxHandshakeRate\`, \`maxHandshakeRatePerAddress\`, \`maxSessionsPerAddress\` | the handshake fails likewise, with the advice to come again later |
| \`maxConnectionsPerAddress\` | HTTP 429 in place of the upgrade |
| \`maxPublishRate\`, \`maxSubscribeRate\`, \`maxChannelRate\` | the publish or subscribe fails likewise; the \`interval\` of its advice says when there is room again |
| \`maxBadMessages\` | the session ends with advice \`none\`; WebSocket close 1008 |
| \`maxSessions\`, \`maxEventLoopDelay\`, \`maxHeapUse\` | the handshake fails with \`503:…:overloaded\` and advises \`interval\` and \`hosts\`; far beyond the last two, HTTP 503 with \`Retry-After\` |
| \`maxSessionsPerBrowser\` | the connect is not held, and advises \`multiple-clients\` |
| \`writeTimeout\` | the connection is cut |
| \`ws.handshakeTimeout\`, \`ws.idleTimeout\` | WebSocket close 1008, 1000 |
| \`ws.pingInterval\` | the connection is cut when a ping goes unanswered |
| \`maxProcessing\`, \`maxInterval\` | the session expires |

A session is counted from its handshake to its end for the address it shook hands from. Sessions inside the server are
never counted. [Limits and overload](../how-to/limits.md) says how to set these, and what to tell the server of proxies.

Numbers in a client's advice are bounded, too: \`timeout\` by 60 s or the transport's own, \`interval\` by one hour.
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/limits.md'));
  });

  it('lists every option of the clients with its unit and default', async () => {
    const plain: Readonly<Record<string, unknown>> = new CometD().getConfiguration();
    const typed = typedDefaults();
    const fields = await fieldsOf(await fileOf('ClientOptions'), 'ClientOptions');
    expect(fields.map(({ name }) => name).sort()).toEqual(Object.keys(clientUnits).sort());
    const shared = fields.map((field) => {
      const { name } = field as { name: keyof ClientOptions };
      const [usual, other] = [plain[name], typed[name]].map((value) => `\`${JSON.stringify(value)}\``);
      const { usual: told, rest } = splitDefault(field.says);
      // The docstring names the same default as the code, in its own spelling; objects in words.
      if (typeof plain[name] === 'number') expect(told.replace('16 MiB', '16777216'), name).toContain(`${plain[name]}`);
      if (typeof plain[name] === 'boolean') expect(told, name).toContain(`${plain[name]}`);
      if (typeof plain[name] === 'number' || Object(plain[name]) !== plain[name]) {
        if (usual !== other) expect(told.replace('1 MiB', '1048576'), name).toContain(`${typed[name]}`);
      }
      const remark = Object(plain[name]) === plain[name] ? '' : (/^[^,;:]+([,:] [^;]*)/.exec(told)?.[1] ?? '');
      expect(/\bnumber\b/.test(field.type) && clientUnits[name] === '', name).toBe(false);
      return {
        ...field,
        says: rest,
        unit: clientUnits[name],
        usual: usual === other ? `${usual}${remark}` : `${usual}; \`BayeuxClient\` ${other}`,
      };
    });
    const typedOnly = await typedRows('BayeuxClientOptions', typedUnits);
    const nodeOnly = await typedRows('NodeOptions', nodeUnits);
    const page = `# Options of the clients

${made}

\`new BayeuxClient(url, { … })\` takes all options of the first two tables. \`cometd.configure({ url, … })\` of \`CometD\`
takes those of the first, and \`url\`. [Options](options.md) has those of the server.

## Both clients

${optionTable(shared)}

## BayeuxClient

${optionTable(typedOnly)}

## In Node.js

\`new BayeuxClient(url, { node: { … } })\` and \`new CometD(name, { … })\` of \`@cometd-ts/client/node\`.

${optionTable(nodeOnly)}
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/client-options.md'));
  });

  it('has a heading for every error of the typed client', async () => {
    const sections = Object.entries(clientErrors).map(([code, { when, act }]) => `## ${code}\n\n${when}\n\n${act}`);
    const page = `# Errors of the typed client

${made}

What a promise of \`BayeuxClient\` rejects with is one of these:

- \`BayeuxError\`: the server refused. Match on \`code\`; [Errors](errors.md) has them all.
- \`ClientError\`: something got in the way. Match on \`code\`, which is one of the headings below.
- the \`reason\` of your own \`AbortSignal\`.
- of a remote call also an \`Error\` whose \`cause\` is what the method failed with.

Misuse is thrown at once, as \`TypeError\` or \`RangeError\`: a URL that is not absolute, an illegal channel name, a
subscription to a meta channel.

A \`ClientError\` has besides its \`code\`:

| Field | Meaning |
|---|---|
| \`sent\` | \`no\`: the message certainly stayed here, so sending it again is safe. \`perhaps\`: the server may have had it |
| \`httpCode\` | the status of an HTTP response that was not 200 |
| \`websocketCode\` | the code a WebSocket closed with |
| \`cause\` | what the platform reported, when it did |

${sections.join('\n\n')}
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/client-errors.md'));
  });

  it('speaks of every state and every status of a client', async () => {
    const life = await readFile(path.join(root, 'docs/concepts/life-of-a-client.md'), 'utf8');
    const guide = await readFile(path.join(root, 'docs/guide/client.md'), 'utf8');
    for (const state of Object.keys(states)) expect(life).toContain(`| \`${state}\` |`);
    for (const status of Object.keys(statuses)) expect(guide).toContain(`| \`${status}\` |`);
  });

  it('draws the moves of a client as they are', async () => {
    const { code } = await transform(await readFile(path.join(root, 'packages/client/src/state.ts')), { loader: 'ts' });
    const { moves } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
      moves: Readonly<Record<ClientState, readonly ClientState[]>>;
    };
    const life = await readFile(path.join(root, 'docs/concepts/life-of-a-client.md'), 'utf8');
    const out = ['disconnecting', 'terminating', 'disconnected'];
    for (const state of Object.keys(states) as ClientState[]) {
      const [, cell = ''] = new RegExp(`^\\| \`${state}\` \\|[^|]*\\|([^|]*)\\|$`, 'm').exec(life) ?? [];
      const told = [...cell.matchAll(/`([\w-]+)`/g)].map((match) => match[1] ?? '');
      if (/\bout\b/.test(cell)) told.push(...out);
      expect([state, ...told.filter((one) => one !== state).sort()]).toEqual([
        state,
        ...moves[state].filter((one) => one !== state).sort(),
      ]);
    }
  });
});
