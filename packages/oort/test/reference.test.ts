/** The page of the cluster says what the code says: it is made from it. Run with `-u` to write it anew. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { AddressErrorCode, ServiceErrorCode } from '@cometd-ts/oort';
import type { NatsErrorCode } from '@cometd-ts/oort/nats';
import { isReserved } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { cell, type Field, fieldsOf, root } from '../../../test/integration/reference-source.ts';
import { meshSettings } from '../src/mesh/options.ts';
import { digestOf, knockIn, OORT_EXT } from '../src/mesh/secret.ts';
import { natsSettings } from '../src/nats/options.ts';
import { itemRecord, pullRecord, pushRecord, wholeRecord } from '../src/object/records.ts';
import type { RequestRecord, ResultRecord } from '../src/service/records.ts';
import type { PresenceRecord, UserRecord } from '../src/seti/records.ts';
import {
  OORT_CLOUD,
  OORT_SERVICE,
  objectChannel,
  objectServiceChannel,
  SETI_ALL,
  serviceBroadcastChannel,
  serviceChannel,
  serviceResultChannel,
  setiChannel,
} from '../src/wire.ts';

const source = 'packages/oort/src';
const made = 'This page is made from the source by `packages/oort/test/reference.test.ts`.';

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`.replace(/^\| -.*/, `|${'---|'.repeat(head.length)}`))
    .join('\n');
}

function fieldTable(first: string, fields: readonly Field[]): string {
  return table(
    [first, 'Type', 'Meaning'],
    fields.map(({ name, type, says }) => [`\`${name}\``, `\`${cell(type)}\``, cell(says)]),
  );
}

/** Where options are declared, and how its page calls who takes them. */
const optionSets: readonly { name: string; file: string; title: string; how: string }[] = [
  { name: 'OortOptions', file: 'oort.ts', title: 'Oort', how: '`new Oort(server, { … })`.' },
  {
    name: 'MeshOptions',
    file: 'mesh/options.ts',
    title: 'The mesh',
    how: '`meshEngine({ … })` of `@cometd-ts/oort/mesh`, which takes those of the next table, too. Times are in ms.',
  },
  {
    name: 'LinkOptions',
    file: 'mesh/link-options.ts',
    title: 'Links of the mesh',
    how: '`meshEngine({ … })`, again. Times are in ms.',
  },
  {
    name: 'DnsOptions',
    file: 'mesh/discovery-dns.ts',
    title: 'Discovery by DNS',
    how: '`dnsDiscovery({ … })`, which takes `interval` of the next table, too.',
  },
  {
    name: 'PollOptions',
    file: 'mesh/discovery-poll.ts',
    title: 'Discovery by a function',
    how: '`pollDiscovery(find, { … })`. `staticDiscovery(urls)` has no options.',
  },
  {
    name: 'MulticastOptions',
    file: 'mesh/discovery-multicast.ts',
    title: 'Discovery by multicast',
    how: '`multicastDiscovery({ … })`. Times are in ms.',
  },
  {
    name: 'NatsOptions',
    file: 'nats/options.ts',
    title: 'NATS',
    how: '`natsEngine({ … })` of `@cometd-ts/oort/nats`. Times are in ms.',
  },
  { name: 'MovingOptions', file: 'moving.ts', title: 'Moving to another engine', how: '`movingEngine({ … })`.' },
  {
    name: 'BucketOptions',
    file: 'powers.ts',
    title: 'Buckets',
    how: '`oort.engine.buckets.open(name, { … })`.',
  },
  {
    name: 'SetiOptions',
    file: 'seti/seti.ts',
    title: 'Seti',
    how: '`new Seti(oort, { … })`.',
  },
  {
    name: 'OortServiceOptions',
    file: 'service/service.ts',
    title: 'Services',
    how: '`super(oort, name, { … })` of `OortService`, and of those below.',
  },
  {
    name: 'OortPrimaryServiceOptions',
    file: 'service/primary.ts',
    title: 'Services with a primary',
    how: '`super(oort, name, { … })` of `OortPrimaryService`.',
  },
  {
    name: 'ElectionOptions',
    file: 'service/primary.ts',
    title: 'Elections',
    how: '`super(oort, name, { election: { … } })` of `OortPrimaryService`.',
  },
  {
    name: 'OortPrimaryLongOptions',
    file: 'service/primary-long.ts',
    title: 'The number of the cluster',
    how: '`new OortPrimaryLong(oort, name, { … })`.',
  },
  {
    name: 'OortMapOptions',
    file: 'object/map.ts',
    title: 'Distributed maps',
    how: '`new OortStringMap(oort, name, { … })`, `new OortLongMap(oort, name, { … })`. `OortObject` takes a factory, `OortLong` nothing.',
  },
  {
    name: 'OortListOptions',
    file: 'object/list.ts',
    title: 'Distributed lists',
    how: '`new OortList(oort, name, { … })`.',
  },
];

/** Where events are declared, and words for those that have no docstring. */
const eventSets: readonly { name: string; file: string; title: string; says?: Readonly<Record<string, string>> }[] = [
  {
    name: 'OortEvents',
    file: 'oort.ts',
    title: 'Of Oort',
    says: { status: 'How it stands in its cluster has changed.' },
  },
  { name: 'SetiEvents', file: 'seti/seti.ts', title: 'Of Seti' },
  { name: 'OortPrimaryServiceEvents', file: 'service/primary.ts', title: 'Of services with a primary' },
  { name: 'OortObjectEvents', file: 'object/object.ts', title: 'Of distributed objects' },
  {
    name: 'EntryEvents',
    file: 'object/map.ts',
    title: 'Of the entries of a map',
    says: { put: 'An entry is new, or has another value.', removed: 'An entry is gone.' },
  },
  {
    name: 'ElementEvents',
    file: 'object/list.ts',
    title: 'Of the elements of a list',
    says: { added: 'Elements were appended.', removed: 'Elements are gone.' },
  },
];

const shapes: readonly { name: string; title: string; file: string }[] = [
  { name: 'Member', title: '`Member`', file: 'engine.ts' },
  { name: 'EngineStatus', title: '`oort.status`', file: 'engine.ts' },
  { name: 'LinkInfo', title: '`engine.links`', file: 'engine.ts' },
];

/** Every code of `OortServiceError`. The compiler holds this list to the codes there are. */
const serviceErrors: Record<ServiceErrorCode, { when: string; act: string }> = {
  failure: {
    when: 'The node that was asked answered with `failure` or `ignore`, or threw. `data` is what it said.',
    act: 'Read `data`. It was not done, as far as that node says.',
  },
  timeout: {
    when: 'No answer came within `timeout`: the node is slow or cut off, or all were asked and none was in charge.',
    act: 'It may have been done. Ask again only if it may be done twice.',
  },
  left: {
    when: 'The node that was asked has left, or was lost.',
    act: 'It may have been done. Find out who is in charge now.',
  },
  unreachable: {
    when: 'There is no node of this URL, no way to it, too much waits for it, or it does not have the service (known where the engine has addresses).',
    act: 'Nothing was done. Look at `oort.members`, and try later.',
  },
  overflow: {
    when: 'More than `maxPending` requests of this node wait for their answers.',
    act: 'Nothing was sent. Ask less at a time, or raise the option.',
  },
  tooLarge: {
    when: 'The request, or its answer, is over the payload limit of the message system, 1 MiB with NATS.',
    act: 'An answer that is too large was done. Send less at a time.',
  },
  stopped: {
    when: 'The service was stopped, here, while the request waited.',
    act: 'It may have been done. Stop services after those who use them.',
  },
};

/** Every code of `SetiError`, and of `AddressError`. */
const setiErrors: Record<AddressErrorCode, { when: string; act: string }> = {
  nobody: {
    when: 'Nobody serves the address. Of `AddressError` alone: Seti answers who is nowhere.',
    act: 'Nothing was done.',
  },
  timeout: {
    when: 'A node that serves the address has not answered in time.',
    act: 'It may have been done. Ask again only if it may be done twice.',
  },
  down: {
    when: 'This node is cut off from the message system.',
    act: 'Nothing was sent. Try again when `oort.status` is `up`.',
  },
  tooLarge: {
    when: 'The message, or the answer, is over the payload limit of the message system.',
    act: 'Send less at a time.',
  },
};

/** Every code of `NatsError`. */
const natsErrors: Record<NatsErrorCode, { when: string; act: string }> = {
  packages: { when: 'The client of NATS is not installed.', act: 'The message names the packages: install them.' },
  unreachable: {
    when: 'No server of NATS was found within `connectTimeout`, or the connection was lost while the node started.',
    act: 'Look at `servers`, the network, certificates; try again.',
  },
  denied: {
    when: 'NATS does not let the node in, or lacks a permission without which it hears nobody.',
    act: 'Look at the credentials, and the permissions of the account.',
  },
  tooOld: {
    when: 'The server is older than what is asked of it needs.',
    act: 'The message names the version: update the server.',
  },
  noJetStream: {
    when: 'The option `jetStream` is true, and it is off in the server.',
    act: 'Start the server with JetStream.',
  },
};

const channels: readonly (readonly [channel: string, by: string, reaches: string, data: string])[] = [
  [OORT_CLOUD, 'a node, on its link', 'the node at the other end', 'URLs of the nodes it knows, as an array'],
  [OORT_SERVICE, 'a node, on its link, last when it joins', 'the node at the other end', '`oortId`, `oortURL`'],
  [SETI_ALL, 'a Seti', 'all Setis', 'presence; messages to users nobody is known to have'],
  [
    setiChannel('<url>').replace(/_url_/, '<id>'),
    'a Seti',
    'the Seti of one node',
    'messages to users; all users of a node',
  ],
  [objectChannel('<name>'), 'an object', 'all nodes that have it', 'a whole part, or one change'],
  [
    objectServiceChannel('<name>'),
    'a node, on its link',
    'the object of one node',
    'a whole part, or the question for it',
  ],
  [serviceBroadcastChannel('<name>'), 'a service', 'all nodes that have it', 'a request'],
  [serviceChannel('<name>'), 'a node, on its link', 'the service of one node', 'a request'],
  [serviceResultChannel('<name>'), 'a node, on its link', 'the service that asked', 'an answer'],
];

const block: Readonly<Record<string, string>> = {
  oortURL: 'URL of the sender',
  oortId: 'Id of this start of the sender',
  oortSecret: 'In requests: Base64 of the digest of the secret',
  cometURL: 'In requests: the URL by which the sender reached the receiver',
  oortAliasURL: 'In requests, when a node connects back: the URL by which the other had reached it. Optional',
};

const presence: Record<keyof PresenceRecord, string> = {
  userIds: 'Users, as an array',
  oortURL: 'URL of the node they are on',
  presence: 'Whether they came, or went',
  replace: 'These are all users of that node. Missing is false',
  alive: 'With `replace`: whoever hears it is to send its own users. Missing is false',
  seq: 'Counts what a node says. Only our nodes send and read it',
};

const user: Record<keyof UserRecord, string> = {
  userId: 'The user',
  channel: 'Channel on which the sessions of the user get it',
  setiId: 'The node of the sender: its URL, in which all but letters and digits is `_`',
  data: 'The message',
};

const request: Record<keyof RequestRecord, string> = {
  'oort.service.id': 'Number of the request, of the node that asks',
  'oort.service.url': 'URL of that node',
  'oort.service.parameter': 'What `onForward` gets',
};

const result: Record<keyof ResultRecord, string> = {
  'oort.service.id': 'Number of the request',
  'oort.service.url': 'URL of the node that answers',
  'oort.service.result': 'Whether it succeeded',
  'oort.service.data': 'The result, or what is said of the failure',
};

const object: Readonly<Record<string, string>> = {
  'oort.info.url': 'URL of the node whose part it is; in a question, of the node that asks',
  'oort.info.name': 'Name of the object',
  'oort.info.object':
    'The whole part; or one change: `oort.map.key` and `oort.map.value` of an entry, an array of elements',
  'oort.info.version': 'Version of the part after this. Missing in a question',
  'oort.info.type': 'Of one change: `oort.map.entry`, `oort.list.element`',
  'oort.info.action':
    '`oort.object.push`, `oort.object.pull`; `oort.map.put`, `oort.map.put.absent`, `oort.map.remove`, `oort.list.add`, `oort.list.remove`. Missing when a whole part is published',
  'oort.info.peer': 'In a push that is an answer: the node that is answered',
};

function says(fields: Readonly<Record<string, string>>): string {
  return table(
    ['Field', 'Meaning'],
    Object.entries(fields).map(([name, meaning]) => [`\`${name}\``, meaning]),
  );
}

async function optionTables(): Promise<string> {
  const sections: string[] = [];
  for (const { name, file, title, how } of optionSets) {
    const fields = await fieldsOf(`${source}/${file}`, name);
    expect(fields.length, name).toBeGreaterThan(0);
    for (const field of fields) expect(field.says, `${name}.${field.name}`).not.toBe('');
    sections.push(`### ${title}\n\n${how}\n\n${fieldTable('Option', fields)}`);
  }
  return sections.join('\n\n');
}

async function eventTables(): Promise<string> {
  const sections: string[] = [];
  for (const { name, file, title, says: words = {} } of eventSets) {
    const fields = (await fieldsOf(`${source}/${file}`, name)).map((field) => ({
      ...field,
      says: field.says || (words[field.name] ?? ''),
    }));
    expect(fields.length, name).toBeGreaterThan(0);
    for (const field of fields) expect(field.says, `${name}.${field.name}`).not.toBe('');
    const rows = fields.map((field) => [`\`${field.name}\``, `\`${cell(field.type)}\``, cell(field.says)]);
    sections.push(`### ${title}\n\n${table(['Event', 'Listener', 'When'], rows)}`);
  }
  return sections.join('\n\n');
}

async function shapeTables(): Promise<string> {
  const sections: string[] = [];
  for (const { name, title, file } of shapes)
    sections.push(`### ${title}\n\n${fieldTable('Field', await fieldsOf(`${source}/${file}`, name))}`);
  return sections.join('\n\n');
}

describe('the page of the cluster', () => {
  it('lists options, events, errors, channels and fields', async () => {
    const errors = Object.entries(serviceErrors).map(([code, { when, act }]) => `### ${code}\n\n${when}\n\n${act}`);
    const noAnswers = Object.entries(setiErrors).map(([code, { when, act }]) => [`\`${code}\``, when, act]);
    const unready = Object.entries(natsErrors).map(([code, { when, act }]) => [`\`${code}\``, when, act]);
    const page = `# The cluster

${made}

[From one server to a cluster](../guide/cluster.md) shows how these are used, and [Operating a cluster](../guide/operating-a-cluster.md)
which of them matter.

## Options

${await optionTables()}

## Events

\`addListener(name, listener)\` answers a handle with \`remove()\`. One that throws is reported, and harms nobody else. Objects tell
whole parts with \`addListener\`; maps tell entries with \`addEntryListener\`, lists elements with \`addElementListener\`, and both
whatever way a change came with \`addDeltaListener\`.

${await eventTables()}

## What can be read

${await shapeTables()}

## Errors of services

\`OortServiceError\` has a \`code\`, and in \`data\` what the other node said.

${errors.join('\n\n')}

## Errors of Seti and of addresses

\`SetiError\` says in \`userIds\` whom it concerns, and in \`nobody\` who is nowhere. \`AddressError\` comes from \`oort.engine.addresses\`.

${table(['`code`', 'When', 'What to do'], noAnswers)}

## Errors of NATS

\`oort.start()\` rejects with \`NatsError\` of \`@cometd-ts/oort/nats\`. What goes wrong later is in \`oort.status\`.

${table(['`code`', 'When', 'What to do'], unready)}

## On the wire

The same as between Java nodes since CometD 3.1.8. Clients can neither subscribe to these channels, by whatever wildcard, nor publish on
them.

${table(
  ['Channel', 'Published by', 'Reaches', '`data`'],
  channels.map(([channel, ...rest]) => [`\`${channel}\``, ...rest]),
)}

### Handshakes

\`ext["${OORT_EXT}"]\` of \`/meta/handshake\`, requests and replies.

${says(block)}

### Presence of users

${says(presence)}

### Messages to users

${says(user)}

### Objects

${says(object)}

### Requests of services

${says(request)}

### Answers of services

${says(result)}
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/cluster.md'));
  });

  it('names options of every kind there is', async () => {
    const exported = await Promise.all(
      ['index.ts', 'mesh.ts', 'nats.ts'].map((file) => readFile(path.join(root, source, file), 'utf8')),
    );
    const names = (ending: string): string[] =>
      [...exported.join('\n').matchAll(new RegExp(`\\b\\w+${ending}\\b`, 'g'))].map(([name]) => name).sort();
    expect(optionSets.map(({ name }) => name).sort()).toEqual(names('Options'));
    expect(eventSets.map(({ name }) => name).sort()).toEqual(names('Events'));
  });

  it('has the defaults that are in effect', async () => {
    const { link, queueBounds, ...mesh } = meshSettings({ secret: 'one' });
    const defaults = {
      ...mesh,
      ...link,
      maxNodeQueue: queueBounds.maxQueue,
      maxNodeQueueBytes: queueBounds.maxQueueBytes,
    };
    const fields = [
      ...(await fieldsOf(`${source}/mesh/options.ts`, 'MeshOptions')),
      ...(await fieldsOf(`${source}/mesh/link-options.ts`, 'LinkOptions')),
    ];
    const numbers = Object.entries(defaults).filter(([, value]) => typeof value === 'number');
    expect(numbers.length).toBeGreaterThan(10);
    for (const [name, value] of numbers) {
      const said = /Default (\d+)( MiB)?/.exec(fields.find((field) => field.name === name)?.says ?? '');
      expect(Number(said?.[1]) * (said?.[2] ? 1_048_576 : 1), name).toBe(value);
    }
  });

  it('has the defaults of NATS that are in effect', async () => {
    const defaults = natsSettings({ servers: 'nats://127.0.0.1:4222' });
    const fields = await fieldsOf(`${source}/nats/options.ts`, 'NatsOptions');
    for (const [name, value] of Object.entries(defaults)) {
      if (typeof value !== 'number' || name === 'leaveAfter') continue;
      const said = /Default (\d+)( MiB)?/.exec(fields.find((field) => field.name === name)?.says ?? '');
      expect(Number(said?.[1]) * (said?.[2] ? 1_048_576 : 1), name).toBe(value);
    }
    expect(defaults.leaveAfter).toBe(2.75 * defaults.heartbeat);
  });

  it('has the channels that are closed to clients', () => {
    for (const [channel] of channels) expect(isReserved(channel), channel).toBe(true);
  });

  it('has the fields that travel', () => {
    const secret = digestOf('one', 'sha512');
    const whole = {
      oortURL: 'http://a/cometd',
      oortId: 'a',
      oortSecret: secret,
      cometURL: 'http://b/cometd',
      oortAliasURL: 'http://c/cometd',
    };
    expect(Object.keys(whole)).toEqual(Object.keys(block));
    const handshake = (fields: Partial<typeof whole>) =>
      knockIn({ channel: '/meta/handshake', ext: { [OORT_EXT]: fields } });
    expect(Object.values(handshake(whole) ?? {}).sort()).toEqual(Object.values(whole).sort());
    for (const name of Object.keys(whole) as (keyof typeof whole)[]) {
      const { [name]: _missing, ...fields } = whole;
      expect(handshake(fields) === null, name).toBe(name !== 'oortAliasURL');
    }
    const info = { url: 'http://a/cometd', name: 'users', object: {}, version: 1, isLocal: true };
    const records = [
      wholeRecord(info, {}),
      pushRecord(wholeRecord(info, {}), 'http://b/cometd'),
      pullRecord(info.url, info.name),
      itemRecord(info, 'oort.map.entry', 'oort.map.put', {}),
    ];
    expect(new Set(records.flatMap((record) => Object.keys(record)))).toEqual(new Set(Object.keys(object)));
  });

  it('has actions and types of objects that are in the source', async () => {
    const files = ['object/records.ts', 'object/map.ts', 'object/list.ts'];
    const texts = (await Promise.all(files.map((file) => readFile(path.join(root, source, file), 'utf8')))).join('\n');
    const written = new Set([...texts.matchAll(/'(oort\.(?:map|list|object)\.[a-z.]+)'/g)].map(([, word]) => word));
    const named = new Set(
      [
        ...Object.values(object)
          .join(' ')
          .matchAll(/`(oort\.(?:map|list|object)\.[a-z.]+)`/g),
      ].map(([, word]) => word),
    );
    expect(named).toEqual(written);
  });
});

describe('the page of operation', () => {
  it('names every counter of the cluster, and no other', async () => {
    const files = (await readdir(path.join(root, source), { recursive: true })).filter((file) => file.endsWith('.ts'));
    const texts = await Promise.all(files.map((file) => readFile(path.join(root, source, file), 'utf8')));
    const prefixes = { count: '', rejected: 'rejected.', failed: 'failed.', guard: 'failed.', limitHit: 'limit_hit.' };
    const counters = new Set<string>();
    for (const [, how = '', name = ''] of texts
      .join('\n')
      .matchAll(/\.(count|rejected|failed|guard|limitHit)\(\s*['`](\w+)/g))
      counters.add(`${prefixes[how as keyof typeof prefixes]}${name}`);
    expect(counters.size).toBeGreaterThan(12);
    const page = await readFile(path.join(root, 'docs/guide/operating-a-cluster.md'), 'utf8');
    const table = page.split('| Counter of `server.diagnostics` |')[1]?.split('\n\n')[0] ?? '';
    const named = [...table.matchAll(/^\| ([^|]*) \|/gm)].flatMap(([, cellOf = '']) =>
      [...cellOf.matchAll(/`([\w.]+)…?`/g)].map(([, name = '']) => name.replace(/\.$/, '')),
    );
    // Queues are the server's, and count what waits for clients, too.
    const others = new Set(['queue_dropped', 'limit_hit.maxQueue']);
    expect(new Set(named.filter((name) => !others.has(name)))).toEqual(counters);
  });
});
