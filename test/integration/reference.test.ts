/** The reference pages say what the code says: they are made from it. Run this file with `-u` to write them anew. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { errorTable } from '@cometd-ts/protocol';
import { optionSpecs } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const made = 'This page is made from the source by `test/integration/reference.test.ts`.';

/** Fields of an interface in a source file, with their types and what their docstrings say. */
async function fieldsOf(file: string, name: string): Promise<{ name: string; type: string; says: string }[]> {
  const source = await readFile(path.join(root, file), 'utf8');
  const body = new RegExp(`export interface ${name}\\b[^{]*\\{\\n(.*?)\\n\\}`, 's').exec(source)?.[1] ?? '';
  const fields = body.matchAll(/\/\*\*(.*?)\*\/\s*(?:readonly )?('?)([\w.-]+)\2: ([^;]+);/gs);
  return [...fields].map(([, says = '', , field = '', type = '']) => ({
    name: field,
    type: type.replace(/\s+/g, ' ').trim(),
    says: says
      .replace(/^\s*\*/gm, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  }));
}

function table(rows: readonly { name: string; type: string; says: string }[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  return [
    '| Option | Type | Meaning |',
    '|---|---|---|',
    ...rows.map((row) => `| \`${row.name}\` | \`${cell(row.type)}\` | ${cell(row.says)} |`),
  ].join('\n');
}

const options = 'packages/server/src/options.ts';

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
| \`maxQueue\`, \`maxQueueBytes\` | \`queuePolicy\`, unless the session has a \`queueMaxed\` listener |
| \`maxSubscriptionsPerSession\` | the subscribe fails with \`400:maxSubscriptionsPerSession,…:limit_exceeded\` |
| \`maxRemoteChannels\` | the subscribe or publish that would create a channel fails likewise |
| \`maxSessionsPerCookie\`, \`maxUnconnectedSessions\` | the handshake fails likewise, with the advice to come again later |
| \`maxSessionsPerBrowser\` | the connect is not held, and advises \`multiple-clients\` |
| \`writeTimeout\` | the connection is cut |
| \`ws.handshakeTimeout\`, \`ws.idleTimeout\` | WebSocket close 1008, 1000 |
| \`ws.pingInterval\` | the connection is cut when a ping goes unanswered |
| \`maxProcessing\`, \`maxInterval\` | the session expires |

Numbers in a client's advice are bounded, too: \`timeout\` by 60 s or the transport's own, \`interval\` by one hour.
`;
    await expect(page).toMatchFileSnapshot(path.join(root, 'docs/reference/limits.md'));
  });
});
