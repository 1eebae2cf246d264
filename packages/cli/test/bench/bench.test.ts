/** `cometd bench` as a person runs it: a server, clients over both transports, flags and questions, results that stay. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { launch } from '@cometd-ts/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { load, type RunResult } from '../../src/bench/result.ts';
import { main } from '../../src/index.ts';
import { type Command, installCommand, type Running } from './command.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let command: Command;
let server: Running;
let port: string;

beforeAll(async () => {
  command = await installCommand();
  server = command.run(['bench', 'server', '--port', '0', '--yes']);
  [, port = ''] = await server.line(/^CometD is ready to be measured on http:\/\/127\.0\.0\.1:(\d+)\/cometd$/m);
});

afterEach(() => vi.restoreAllMocks());

afterAll(() => command.close());

const small = ['--yes', '--host', '127.0.0.1', '--clients', '6', '--rooms', '3', '--rooms-per-client', '2'];
const short = ['--batch-count', '20', '--batch-size', '3', '--batch-pause', '2000', '--message-size', '20'];

function at(name: string): string {
  return path.join(command.folder, name);
}

async function measured(name: string, ...flags: readonly string[]): Promise<{ result: RunResult; output: string }> {
  const run = command.run(['bench', 'client', ...small, ...short, '--port', port, '--json', at(name), ...flags]);
  expect(await run.ended, run.output()).toBe(0);
  const [result] = await load(at(name));
  if (!result) throw new Error('no result');
  return { result, output: run.output() };
}

describe('cometd bench client', () => {
  it.each([
    ['websocket', ['--processes', '1']],
    ['long-polling', ['--processes', '2', '--randomize', '--ack']],
  ])('hears every message over %s, and reports both sides', async (transport, flags) => {
    const { result, output } = await measured(`${transport}.json`, '--transport', transport, ...flags);
    expect(result.plan.transport).toBe(transport);
    expect(result.outgoing).toMatchObject({ messages: 60, payloads: 20 });
    expect(result.expected).toBeGreaterThan(0);
    expect(result.incoming.messages).toBe(result.expected);
    expect(result.latency.count).toBe(result.expected);
    expect(result.timeline.reduce((sum, { received }) => sum + received, 0)).toBe(result.expected);
    expect(result.refused + result.lost).toBe(0);
    expect(result.client).toHaveLength(Number(flags[1]));
    expect(result.server?.runtime).toBe(`Node.js ${process.version}`);
    expect(output).toMatch(/Waiting for clients 6\/6\n(.*\n)*Clients ready: 6\n/);
    expect(output).toContain(`All messages arrived ${result.expected}/${result.expected}`);
    expect(output).toMatch(/µs \|@+ *\| \(\d+, [\d.]+%\)/);
    expect(output).toContain('min/avg/p50/p85/p95/p99/p99.9/max');
    await server.line(/^A run has ended: CPU/m);
  });

  it('measures a server that tells nothing of itself', async () => {
    const other = await launch();
    try {
      const { result, output } = await measured('other.json', '--port', String(other.port), '--runs', '1');
      expect(result.server).toBeNull();
      expect(result.incoming.messages).toBe(result.expected);
      expect(output).toContain('Server:   unknown');
    } finally {
      await other.close();
    }
  });

  it('says so when it was itself the bottleneck', async () => {
    const { result, output } = await measured('busy.json', '--batch-pause', '1', '--batch-count', '2000');
    expect(result.saturation).not.toEqual([]);
    expect(output).toContain('WARNING: the client was saturated');
  });

  it('ends with 1 when a server is not there, and when messages are refused', async () => {
    const nobody = command.run(['bench', 'client', ...small, '--port', '1']);
    expect(await nobody.ended).toBe(1);
    expect(nobody.output()).toMatch(/^cometd: The clients cannot be had: /m);
    const strict = await launch({ options: { maxPublishRate: 1, publishBurst: 1 } });
    try {
      const args = [...small, ...short, '--port', String(strict.port), '--patience', '300'];
      const refused = command.run(['bench', 'client', ...args]);
      expect(await refused.ended).toBe(1);
      expect(refused.output()).toMatch(/WARNING: .*messages did not arrive\n(.*\n)*WARNING: .*messages were refused/);
    } finally {
      await strict.close();
    }
  });

  it.each([
    [['client', '--clients', 'many'], "clients must be a whole number of at least 0, not 'many'"],
    [['client', '--transport', 'pigeon'], "transport must be websocket or long-polling, not 'pigeon'"],
    [['client', '--bach-size', '3'], "There is no flag '--bach-size'; did you mean '--batch-size'?"],
    [['client', '--yes', '--channel', 'chat'], "'chat' is no channel for rooms"],
    [['server', '--yes', '--transports', 'pigeon'], 'allowedTransports'],
    [['sever'], "There is no 'cometd bench sever'"],
    [['compare', 'one.json'], 'takes two files of results'],
  ])('complains in one sentence: %j', async (args, sentence) => {
    const told = vi.spyOn(console, 'error').mockReturnValue();
    expect(await main(['bench', ...args], {})).toBe(1);
    expect(told.mock.calls.flat()).toEqual([expect.stringContaining(sentence)]);
    expect(told.mock.calls.flat().join()).not.toContain('\n');
  });

  it('asks what no flag says, run after run, until no clients are wanted, and remembers', async () => {
    const place = ['127.0.0.1', port, '1', '', '', '/chat/other', '2', '1', 'no'];
    const first = ['4', '5', '2', '1000', '10', 'true'];
    const second = ['lots', '2', '', '', '', '', ''];
    const run = command.run(['bench', 'client', '--ask'], [...place, ...first, ...second, '0', ''].join('\n'));
    expect(await run.ended, run.output()).toBe(0);
    expect(run.output()).toContain('transports:\n 0 - websocket\n 1 - long-polling\ntransport [websocket]: ');
    expect(run.output()).toContain('Clients ready: 4');
    expect(run.output()).toContain("clients must be a whole number of at least 0, not 'lots'");
    expect(run.output()).toContain('Clients ready: 2');
    const kept = JSON.parse(await readFile(at('config/cometd/bench.json'), 'utf8'));
    expect(kept.client).toMatchObject({
      transport: 'long-polling',
      channel: '/chat/other',
      clients: 2,
      randomize: true,
    });
    const again = command.run(['bench', 'client', '--ask', '--host', 'here'], '');
    expect(await again.ended).toBe(0);
    expect(again.output()).not.toContain('server [');
    expect(again.output()).toContain(`port [${port}]: `);
  });

  it('goes on with the defaults when its memory is spoilt', async () => {
    await writeFile(at('spoilt.json'), '{');
    const run = command.run(['bench', 'client', '--ask', '--history', at('spoilt.json')], '');
    expect(await run.ended).toBe(0);
    expect(run.output()).toContain('server [localhost]: ');
  });
});

describe('cometd bench compare', () => {
  it('puts two results side by side, also on a page', async () => {
    const [a] = [await measured('a.json'), await measured('b.json', '--batch-size', '6', '--html', at('b.html'))];
    const run = command.run(['bench', 'compare', at('a.json'), at('b.json'), at('both.html')]);
    expect(await run.ended, run.output()).toBe(0);
    expect(run.output()).toContain('batchSize: 3 (a), 6 (b)');
    expect(run.output()).toMatch(/^messages received +\d+ +\d+ +[12]\.\d\d$/m);
    expect(a.output).not.toContain('batchSize');
    for (const page of ['b.html', 'both.html']) {
      const html = await readFile(at(page), 'utf8');
      expect(html).not.toMatch(/(?:src|href)=|NaN|Infinity|undefined/);
      expect(unbalanced(html)).toEqual([]);
    }
  });

  it('refuses what holds no results', async () => {
    await writeFile(at('no.json'), '{}');
    const run = command.run(['bench', 'compare', at('no.json'), at('no.json')]);
    expect(await run.ended).toBe(1);
    expect(run.output()).toContain('holds no results of cometd bench');
  });
});

/** Elements that are not closed where they should be. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name = '', closed] of html.matchAll(/<(\/?)([a-z]\w*)(?:"[^"]*"|[^">])*?(\/?)>/g)) {
    if (['meta'].includes(name) || closed === '/') continue;
    if (slash !== '/') open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}
