/** The cluster in real processes: killed in the middle of bids, started again, and gone when its parent is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import type { Cloud } from '@cometd-ts/demos/cloud';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { keepsBids } from './bids-suite.ts';
import { isWhole, makePrograms, openCloud, programs } from './processes.ts';

const eventually = (expected: () => void) => vi.waitFor(expected, { timeout: 20_000, interval: 20 });

beforeAll(makePrograms, 30_000);

keepsBids('on the mesh', () => openCloud());

describe('a cloud of three processes', () => {
  let cloud: Cloud;
  let page: string;

  beforeAll(async () => {
    ({ cloud, url: page } = await openCloud());
    await eventually(() => expect(isWhole(cloud)).toBe(true));
  }, 30_000);

  afterAll(() => cloud?.close());

  it('takes orders from its own page only', async () => {
    const { host, origin } = new URL(page);
    const order = (path: string, headers: Record<string, string>, method = 'POST') =>
      new Promise<number | undefined>((resolve, reject) => {
        request(new URL(path, page), { method, headers }, (response) => resolve(response.resume().statusCode))
          .on('error', reject)
          .end();
      });
    expect(await order('/nodes/Tuttle/kill', {})).toBe(403);
    expect(await order('/nodes/Tuttle/kill', { origin: 'http://evil.test' })).toBe(403);
    expect(await order('/nodes/Tuttle/kill', { origin: 'null' })).toBe(403);
    // A name of somebody else's that leads to this machine.
    expect(
      await order('/nodes/Tuttle/kill', {
        origin: `http://evil.test:${new URL(page).port}`,
        host: `evil.test:${new URL(page).port}`,
      }),
    ).toBe(403);
    expect(await order('/nodes/Tuttle/kill', {}, 'GET')).toBe(404);
    expect(await order('/nodes/Nobody/kill', { origin, host })).toBe(409);
    expect(await order('/nodes/Tuttle/feed', { origin, host })).toBe(404);
    expect(await order('/nodes/Tuttle/start', { origin, host })).toBe(409);
    expect(cloud.fleet.nodes.find(({ name }) => name === 'Tuttle')?.life).toBe('running');
    expect(await order('/nodes/Tuttle/kill', { origin, host })).toBe(204);
    await eventually(() => expect(cloud.fleet.nodes.find(({ name }) => name === 'Tuttle')?.report).toBeNull());
  });
});

describe('npm run demo:cluster', () => {
  async function started(
    ...args: string[]
  ): Promise<{ child: ChildProcess; urls: string[]; exited: Promise<number | null> }> {
    const child = spawn(process.execPath, [programs.cluster, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    let text = '';
    child.stdout?.on('data', (data) => (text += data));
    child.stderr?.on('data', (data) => (text += data));
    await Promise.race([exited, eventually(() => expect(text).toContain('Tuttle is at'))]);
    const urls = [...text.matchAll(/http:\S+/g)].map(([url]) => url);
    return { child, urls, exited };
  }

  const isThere = (url: string) =>
    fetch(url).then(
      () => true,
      () => false,
    );
  const whoIsThere = async (urls: readonly string[]) => Promise.all(urls.map(isThere));

  it.each([
    ['is told to end', 'SIGINT', 0],
    ['is killed', 'SIGKILL', null],
  ] as const)('leaves no process behind when it %s', async (_title, signal, status) => {
    const { child, urls, exited } = await started('--ports', '0,0,0,0');
    expect(urls.length).toBe(4);
    await vi.waitFor(async () => expect(await whoIsThere(urls)).toEqual([true, true, true, true]), 20_000);
    child.kill(signal);
    expect(await exited).toBe(status);
    await vi.waitFor(async () => expect(await whoIsThere(urls)).toEqual([false, false, false, false]), 10_000);
  });

  it('says how it is called when it is called otherwise', async () => {
    const { exited } = await started('--ports', '1,2');
    expect(await exited).toBe(1);
  });
});
