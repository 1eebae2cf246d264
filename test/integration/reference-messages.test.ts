/** The pages of events and of message fields say what the code says: they are made from it. Run with `-u` to write them anew. */
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import * as clients from '@cometd-ts/client';
import { BayeuxClient } from '@cometd-ts/client/node';
import {
  type Advice,
  type ConnectReply,
  type ConnectRequest,
  type DisconnectReply,
  type DisconnectRequest,
  type HandshakeAccepted,
  type HandshakeRefused,
  type HandshakeRequest,
  META_CHANNELS,
  type Message,
  type MetaChannel,
  type Publish,
  type PublishReply,
  type SubscribeReply,
  type SubscribeRequest,
  type UnsubscribeReply,
  type UnsubscribeRequest,
} from '@cometd-ts/protocol';
import * as servers from '@cometd-ts/server';
import { BayeuxServer, type ServerMessage } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { cell, type Field, fieldsOf, madeBy, oneLine, root } from './reference-source.ts';

const made = madeBy('reference-messages.test.ts');

/** Names of a type, without those of its index signature. */
type Known<T> = keyof {
  [Name in keyof T as string extends Name ? never : number extends Name ? never : Name]: T[Name];
};
/** Those of them that must be there. */
type Must<T> = {
  [Name in Known<T>]-?: Record<never, never> extends Pick<T, Name> ? never : Name;
}[Known<T>];

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`.replace(/^\| -.*/, `|${'---|'.repeat(head.length)}`))
    .join('\n');
}

// Events

/** Where the events of a package are declared, and how its page calls the one who tells them. */
const eventMaps: readonly { name: string; file: string; title: string; how: string }[] = [
  {
    name: 'ServerEvents',
    file: 'packages/server/src/api.ts',
    title: 'Of a server',
    how: '`server.addListener(name, listener, { signal })` of `BayeuxServer`.',
  },
  {
    name: 'ChannelEvents',
    file: 'packages/server/src/api.ts',
    title: 'Of a channel',
    how: '`channel.addListener(name, listener, { signal, weak })` of `ServerChannel`. A listener keeps its channel from being swept, unless it is `weak`.',
  },
  {
    name: 'SessionEvents',
    file: 'packages/server/src/api.ts',
    title: 'Of a session',
    how: '`session.addListener(name, listener, { signal })` of `ServerSession`. Listeners of `queued`, `deQueue` and `queueMaxed` must not publish to other sessions.',
  },
  {
    name: 'AcknowledgedMessagesEvents',
    file: 'packages/server/src/ext/ack.ts',
    title: 'Of acknowledged messages',
    how: '`extension.addListener(name, listener, { signal })` of `AcknowledgedMessagesExtension`.',
  },
  {
    name: 'BayeuxClientEvents',
    file: 'packages/client/src/bayeux-options.ts',
    title: 'Of BayeuxClient',
    how: '`client.addListener(name, listener, { signal })`. [What each status means](../guide/client.md#say-how-things-are). Messages come to the listeners and subscribers of `client.getChannel(name)`, those of meta channels to its listeners.',
  },
];

/** What listeners of `CometD` hear beside the channels of the application. */
const cometdChannels: Record<MetaChannel | '/meta/publish' | '/meta/unsuccessful', string> = {
  '/meta/handshake':
    'The reply to a handshake, or its failure; `reestablish` says whether an earlier one had succeeded.',
  '/meta/connect': 'The reply to a connect, or its failure.',
  '/meta/subscribe': 'The reply to a subscribe, or its failure.',
  '/meta/unsubscribe': 'The reply to an unsubscribe, or its failure.',
  '/meta/disconnect': 'The reply to a disconnect, its failure, or the disconnect of the server.',
  '/meta/publish': 'The reply to a publish, or its failure; not that of a remote call.',
  '/meta/unsuccessful': 'Each of these messages that is not successful, after its own channel.',
};

function eventTable(events: readonly Field[]): string {
  return tableOf(
    ['Event', 'Listener', 'When'],
    events.map(({ name, type, says }) => [
      `\`${name}\``,
      `\`${cell(type.replace(/^\[(.*)\]$/, '($1)'))}\``,
      cell(says),
    ]),
  );
}

// Message fields

/** Every field that a message may have. The compiler holds this list to the fields there are. */
const fields: Record<Known<Message>, string> = {
  channel: 'Where the message belongs: a meta, service or broadcast channel.',
  id: 'Chosen by the sender of a request; its reply has the same. Text without spaces, at most `maxIdLength` characters.',
  clientId: "The session's id. In requests from the handshake on; never in what is delivered to others.",
  data: 'What the application publishes: any JSON value, or what the `jsonContext` makes of it.',
  ext: 'Fields of extensions, below.',
  advice: 'How the server wants its clients to behave, below. In a connect, what the client wishes.',
  successful: 'In replies: whether the request was granted.',
  error: 'In replies that are not successful: `code:arguments:text`. [Errors](errors.md) has them all.',
  subscription: 'The channel, or several, that is subscribed to or unsubscribed from.',
  version: 'Version of the protocol: `1.0`.',
  minimumVersion: 'Oldest version that the sender speaks.',
  supportedConnectionTypes:
    'Transports: of a request those that the client has, of a reply those that the server allows.',
  connectionType: 'The transport that carries this connect.',
  timestamp: 'When the message was sent, as the timestamp extensions write it.',
  'x-messages': 'In the handshake reply: how many messages come with it.',
};

const advice: Record<Known<Advice>, string> = {
  reconnect: '`retry`: connect again. `handshake`: begin a new session. `none`: end.',
  interval: 'How long to wait before the next connect or handshake, in ms.',
  timeout: 'How long the server holds a connect, in ms.',
  maxInterval: 'How long the server waits for the next connect before it expires the session, in ms.',
  'multiple-clients': 'Whether several sessions of one browser share its connections: connects are then not held.',
  hosts: 'Other servers that may be used instead.',
};

/** What must be in each kind of message, beside `channel`: the compiler holds these lists to the types. */
const kinds = {
  HandshakeRequest: {
    must: { version: 1, supportedConnectionTypes: 1 } satisfies Musts<HandshakeRequest>,
    channel: '/meta/handshake',
    title: 'Request',
  },
  HandshakeAccepted: {
    must: { successful: 1, version: 1, supportedConnectionTypes: 1, clientId: 1 } satisfies Musts<HandshakeAccepted>,
    channel: '/meta/handshake',
    title: 'Reply, when accepted',
  },
  HandshakeRefused: {
    must: { successful: 1, error: 1 } satisfies Musts<HandshakeRefused>,
    channel: '/meta/handshake',
    title: 'Reply, when refused',
  },
  ConnectRequest: {
    must: { clientId: 1, connectionType: 1 } satisfies Musts<ConnectRequest>,
    channel: '/meta/connect',
    title: 'Request',
  },
  ConnectReply: { must: { successful: 1 } satisfies Musts<ConnectReply>, channel: '/meta/connect', title: 'Reply' },
  SubscribeRequest: {
    must: { clientId: 1, subscription: 1 } satisfies Musts<SubscribeRequest>,
    channel: '/meta/subscribe',
    title: 'Request',
  },
  SubscribeReply: {
    must: { successful: 1 } satisfies Musts<SubscribeReply>,
    channel: '/meta/subscribe',
    title: 'Reply',
  },
  UnsubscribeRequest: {
    must: { clientId: 1, subscription: 1 } satisfies Musts<UnsubscribeRequest>,
    channel: '/meta/unsubscribe',
    title: 'Request',
  },
  UnsubscribeReply: {
    must: { successful: 1 } satisfies Musts<UnsubscribeReply>,
    channel: '/meta/unsubscribe',
    title: 'Reply',
  },
  DisconnectRequest: {
    must: { clientId: 1 } satisfies Musts<DisconnectRequest>,
    channel: '/meta/disconnect',
    title: 'Request',
  },
  DisconnectReply: {
    must: { successful: 1 } satisfies Musts<DisconnectReply>,
    channel: '/meta/disconnect',
    title: 'Reply, or the end that the server began',
  },
  Publish: { must: { data: 1 } satisfies Musts<Publish>, channel: 'All others', title: 'Event' },
  PublishReply: { must: { successful: 1 } satisfies Musts<PublishReply>, channel: 'All others', title: 'Reply' },
} as const;
type Musts<T> = Record<Exclude<Must<T>, 'channel'>, 1>;
type Kind = keyof typeof kinds;

/** What the extensions write into messages. The test holds this list to the extensions that are exported. */
const extensions: Record<string, { on: string; field: string; says: string }[]> = {
  AcknowledgedMessagesExtension: [
    {
      on: 'handshake reply',
      field: 'ext.ack: true',
      says: 'Messages of this session are acknowledged. `{ enabled: true, batch }` when some came with the reply.',
    },
    { on: 'connect reply', field: 'ext.ack: number', says: 'Number of the batch that these messages are.' },
  ],
  AckExtension: [
    { on: 'handshake', field: 'ext.ack: true', says: 'The client can acknowledge.' },
    { on: 'connect', field: 'ext.ack: number', says: 'Number of the last batch that arrived; −1 for none.' },
  ],
  BinaryExtension: [
    {
      on: 'publish, both ways',
      field: 'ext.binary: {}',
      says: '`data.data` is Z85 text, `data.last` says whether no chunk follows, `data.meta` is yours.',
    },
  ],
  TimesyncExtension: [
    {
      on: 'replies of meta messages',
      field: 'ext.timesync: { tc, ts, p, a }',
      says: "The client's `tc`, when the request came (ms since 1970), how long its answer took, and how far the client's clock is off, in ms.",
    },
  ],
  TimeSyncExtension: [
    {
      on: 'meta messages',
      field: 'ext.timesync: { tc, l, o }',
      says: "The client's time, and the lag and offset as it knows them, in ms.",
    },
  ],
  TimestampExtension: [{ on: 'everything from the server', field: 'timestamp', says: 'The time of the server.' }],
  TimeStampExtension: [{ on: 'everything from the client', field: 'timestamp', says: 'The time of the client.' }],
  ReloadExtension: [
    {
      on: 'handshake reply',
      field: 'ext.reload: true',
      says: 'Made in the browser: the session of the page before goes on.',
    },
  ],
};
/** These write nothing, or are others' other half. */
const silent = [
  'ActivityExtension',
  'SessionActivityExtension',
  'SessionBinaryExtension',
  'UpgradeExtension',
  'Extension',
];

/** The docstring of a kind of message in the protocol: what MUST and MAY be in it. */
function fieldsOfKind(source: string, kind: string): { must: string[]; may: string[]; more: string } {
  const says = new RegExp(`/\\*\\*((?:(?!\\*/).)*)\\*/\\s*export type ${kind}\\b`, 's').exec(source)?.[1] ?? '';
  const names = (word: string): string[] => {
    const list = new RegExp(`${word}:? ([^.:;]*)`).exec(oneLine(says))?.[1] ?? '';
    return Object.keys(fields).filter((field) => new RegExp(`(?<![\\w-])${field}(?![\\w-])`).test(list));
  };
  return { must: names('MUST'), may: names('MAY'), more: says };
}

describe('the reference', () => {
  it('lists every event with its arguments', async () => {
    const declared: string[] = [];
    for (const folder of ['packages/server/src', 'packages/client/src']) {
      for (const file of await readdir(path.join(root, folder), { recursive: true })) {
        if (!file.endsWith('.ts')) continue;
        const source = await readFile(path.join(root, folder, file), 'utf8');
        for (const [, name = ''] of source.matchAll(/^export interface (\w+Events)\b/gm)) declared.push(name);
      }
    }
    expect(declared.sort()).toEqual(eventMaps.map(({ name }) => name).sort());
    const sections: string[] = [];
    for (const { name, file, title, how } of eventMaps) {
      const events = await fieldsOf(file, name);
      expect(events.length, name).toBeGreaterThan(1);
      for (const event of events) expect(event.says, `${name}.${event.name} has no docstring`).not.toBe('');
      sections.push(`## ${title}\n\n${how}\n\n${eventTable(events)}`);
    }
    const page = `# Events

${made}

Listeners are called in the order in which they were added. One that throws, or whose promise rejects, is reported, and the
others are called all the same. Every \`addListener\` answers a handle with \`remove()\`, and takes an \`AbortSignal\` that does
it. \`Verdict\` is a boolean or a promise of one: false stops the message, anything else lets it pass.

${sections.join('\n\n')}

## Of CometD

\`cometd.addListener(channel, callback)\`. The callback gets one message; that of a failure has \`successful: false\`, and
\`failure\` when it failed [on the way](message-fields.md#of-a-failure). On all other channels, listeners and subscribers get
what arrives there.

${tableOf(
  ['Channel', 'Heard'],
  Object.entries(cometdChannels).map(([channel, says]) => [`\`${channel}\``, says]),
)}
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/events.md'));
  });

  it('lists every field of every message', async () => {
    const source = await readFile(path.join(root, 'packages/protocol/src/message.ts'), 'utf8');
    const types = new Map(
      (await fieldsOf('packages/protocol/src/message.ts', 'Message')).map((one) => [one.name, one]),
    );
    const advised = new Map(
      (await fieldsOf('packages/protocol/src/message.ts', 'Advice')).map((one) => [one.name, one]),
    );
    expect([...types.keys()].sort()).toEqual(Object.keys(fields).sort());
    expect([...advised.keys()].sort()).toEqual(Object.keys(advice).sort());

    const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ') || '–';
    const channels = [...META_CHANNELS, 'All others'].map((channel) => {
      const rows = (Object.keys(kinds) as Kind[])
        .filter((kind) => kinds[kind].channel === channel)
        .map((kind) => {
          const { must, may } = fieldsOfKind(source, kind);
          // A type that demands a field is a docstring that says so.
          for (const name of Object.keys(kinds[kind].must)) {
            if (name !== 'successful') expect(must, kind).toContain(name);
          }
          const musts = [...new Set(['channel', ...Object.keys(kinds[kind].must), ...must])];
          return [kinds[kind].title, list(musts), list(may.filter((name) => !musts.includes(name)))];
        });
      const title = channel === 'All others' ? '### All others' : `### ${channel}`;
      return `${title}\n\n${tableOf(['', 'Must have', 'May have'], rows)}`;
    });

    const exported = [...Object.keys(servers), ...Object.keys(clients)].filter((name) => name.endsWith('Extension'));
    expect([...new Set(exported)].sort()).toEqual([...Object.keys(extensions), ...silent].sort());

    const members = await readFile(path.join(root, 'packages/server/src/message.ts'), 'utf8');
    const getters = [...members.matchAll(/ {2}\/\*\*((?:(?!\*\/).)*)\*\/\s*get (\w+)\(\): ([^{]+?) \{/gs)];
    expect(getters.map(([, , name]) => name)).toEqual(
      [...members.matchAll(/^ {2}get (\w+)\(/gm)].map(([, name]) => name),
    );
    const own = getters.map(([, says = '', name = '', type = '']) => [
      `\`${name}\``,
      `\`${cell(type)}\``,
      cell(oneLine(says.replace(/^\s*\*/gm, ' ').replace(/ \(book [^)]*\)/, ''))),
    ]);

    const failure = await fieldsOf('packages/client/src/message.ts', 'Failure');
    expect(failure.map(({ name }) => name).sort()).toEqual(Object.keys(failures).sort());

    const page = `# Fields of messages

${made}

\`Message\` of \`@cometd-ts/protocol\`, and on the server \`ServerMessage\`, which has the same fields. Fields that are not on
this page are kept as they are, and travel; those of extensions belong into \`ext\`.

${tableOf(
  ['Field', 'Type', 'Meaning'],
  Object.entries(fields).map(([name, says]) => [`\`${name}\``, `\`${cell(types.get(name)?.type ?? '')}\``, cell(says)]),
)}

## By channel

${channels.join('\n\n')}

The server delivers events with \`channel\` and \`data\`; the option [\`forwardFields\`](options.md#server) adds others, and so
do [extensions](../guide/extensions.md). A remote call is a publish to \`/service/…\`; its result is an event for the caller alone,
with the \`id\` of the call and \`successful\`.

## Of advice

Replies to handshakes and connects carry it, when the client does not have it yet. \`interval\` and \`timeout\` of a client's
connect hold for that session, within the bounds of the server.

${tableOf(
  ['Field', 'Type', 'Meaning'],
  Object.entries(advice).map(([name, says]) => [`\`${name}\``, `\`${cell(advised.get(name)?.type ?? '')}\``, says]),
)}

## Of extensions

${tableOf(
  ['Extension', 'In', 'Field', 'Meaning'],
  Object.entries(extensions).flatMap(([name, rows]) =>
    rows.map(({ on, field, says }) => [`\`${name}\``, on, `\`${field}\``, says]),
  ),
)}

\`ActivityExtension\` and \`UpgradeExtension\` write nothing.

## Of a failure

Clients make the reply of a request that has none: \`successful\` is false, \`id\`, \`channel\` and \`clientId\` are those of the
request, and \`failure\` says what happened.

${tableOf(
  ['Field of `failure`', 'Type', 'Meaning'],
  failure.map(({ name, type }) => [`\`${name}\``, `\`${cell(type)}\``, failures[name as keyof typeof failures]]),
)}

## Beside the wire

What \`ServerMessage\` knows, and never sends:

${tableOf(['Property', 'Type', 'Meaning'], own)}
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/message-fields.md'));
  });

  it.each(['websocket', 'long-polling'] as const)('tells of messages as they are over %s', async (transport) => {
    const source = await readFile(path.join(root, 'packages/protocol/src/message.ts'), 'utf8');
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    const server = new BayeuxServer();
    server.attach(http, { path: '/cometd' });
    const kindOf = (message: ServerMessage, isReply: boolean): Kind => {
      const word = {
        '/meta/handshake': 'Handshake',
        '/meta/connect': 'Connect',
        '/meta/subscribe': 'Subscribe',
        '/meta/unsubscribe': 'Unsubscribe',
        '/meta/disconnect': 'Disconnect',
      }[message.channel];
      if (word === undefined) return isReply ? 'PublishReply' : 'Publish';
      if (word === 'Handshake' && isReply) return message.successful ? 'HandshakeAccepted' : 'HandshakeRefused';
      return `${word}${isReply ? 'Reply' : 'Request'}` as Kind;
    };
    const seen = new Set<Kind>();
    const wrong: string[] = [];
    const look = (message: ServerMessage, isReply: boolean): void => {
      const kind = kindOf(message, isReply);
      seen.add(kind);
      const { must, may } = fieldsOfKind(source, kind);
      const musts = [...new Set(['channel', ...Object.keys(kinds[kind].must), ...must])];
      for (const name of musts) if (message[name] === undefined) wrong.push(`${kind} lacks ${name}`);
      for (const name of Object.keys(message)) {
        if (![...musts, ...may].includes(name)) wrong.push(`${kind} has ${name}`);
      }
    };
    server.addExtension({
      rcv: (_from, message) => look(message, false),
      rcvMeta: (_from, message) => look(message, false),
      send: (_from, _to, message) => look(message, message.data === undefined),
      sendMeta: (_from, _to, message) => look(message, true),
    });
    let refuse = true;
    server.securityPolicy = { canHandshake: () => !refuse };
    const client = new BayeuxClient(`http://127.0.0.1:${(http.address() as AddressInfo).port}/cometd`, {
      transports: [transport],
    });
    await client.handshake().catch(() => undefined);
    refuse = false;
    await client.handshake();
    await client.waitFor('connected');
    const arrived = new Promise((resolve) => void client.getChannel('/a').subscribe(resolve));
    await client.getChannel('/a').publish({});
    await arrived;
    const left = client.getChannel('/b');
    await left.subscribe(() => undefined);
    await left.unsubscribe();
    await client.disconnect();
    await server.stop();
    http.close();
    expect(wrong).toEqual([]);
    expect([...seen].sort()).toEqual(Object.keys(kinds).sort());
  });
});

/** The fields of a failure. The compiler holds this list to the fields there are. */
const failures: Record<Known<clients.Failure>, string> = {
  message: 'The message that failed.',
  connectionType: 'The transport that was to carry it.',
  reason: 'What happened, in words.',
  exception: 'What was thrown.',
  httpCode: 'Status of the HTTP response.',
  websocketCode: 'Code the WebSocket closed with.',
  transport: 'The XMLHttpRequest or the WebSocket that carried it.',
  sent: '`no`: it certainly stayed here. `perhaps`: the server may have had it.',
};
