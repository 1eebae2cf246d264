/** `cometd bench capacity`: which numbers of users it tries, what it makes of them, and the answer as a person gets it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { launch } from '@cometd-ts/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openingOf } from '../../src/bench/capacity-report.ts';
import { Climb } from '../../src/bench/climb.ts';
import { load, type RunResult } from '../../src/bench/result.ts';
import { capacityOf, type Step, textOfCapacity, verdictOn } from '../../src/bench/verdict.ts';
import { type Command, installCommand } from './command.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

/** What is tried when so many users go well, and no more. */
function tried(from: number, most: number, serves: number): { numbers: number[]; best: number } {
  const climb = new Climb(from, most);
  const numbers: number[] = [];
  for (let users = climb.next; users !== null; users = climb.next) {
    numbers.push(users);
    climb.tell(users <= serves);
  }
  return { numbers, best: climb.best };
}

describe('the climb', () => {
  it('doubles while it goes well, then looks between what went well and what did not', () => {
    expect(tried(500, 100_000, 3_300)).toEqual({
      numbers: [500, 1_000, 2_000, 4_000, 3_000, 3_500, 3_250],
      best: 3_250,
    });
  });

  it('goes no higher than it may, and down when it began too high', () => {
    expect(tried(500, 1_500, 9_999)).toEqual({ numbers: [500, 1_000, 1_500], best: 1_500 });
    expect(tried(500, 300, 9_999)).toEqual({ numbers: [300], best: 300 });
    expect(tried(8, 100, 0)).toEqual({ numbers: [8, 4, 2, 1], best: 0 });
  });

  it('finds any number to a tenth, and tries none twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 50_000 }), (from, serves) => {
        const { numbers, best } = tried(from, 100_000, serves);
        expect(best).toBeLessThanOrEqual(serves);
        expect(best).toBeGreaterThanOrEqual(Math.floor(serves * 0.9) - 1);
        expect(new Set(numbers).size).toBe(numbers.length);
      }),
    );
  });
});

describe('cometd bench capacity', () => {
  let command: Command;
  beforeAll(async () => {
    command = await installCommand();
  });
  afterAll(() => command.close());

  const small = ['--clients', '4', '--every', '1', '--seconds', '1', '--room-size', '3', '--latency', '5000'];
  const at = (name: string): string => path.join(command.folder, name);

  it('starts a server, fills it with users in rooms, and says how many it serves, also on a page', async () => {
    const files = ['--json', at('capacity.json'), '--html', at('capacity.html')];
    const run = command.run(['bench', 'capacity', ...small, '--most', '12', '--processes', '2', ...files]);
    expect(await run.ended, run.output()).toBe(0);
    expect(run.output()).toMatch(/^ +users +heard\/s +p50 ms +p99 ms +server CPU +client CPU\n +4 .*\n +8 .*\n +12 /m);
    expect(run.output()).toMatch(
      /^It serves at least 12 users, 99 of 100 messages within [\d.]+ ms and half of them within [\d.]+ ms\.\n/m,
    );
    expect(run.output()).toContain('More were not tried (--most).');
    const results = await load(at('capacity.json'));
    expect(results.map(({ load: { clients } }) => clients)).toEqual([4, 8, 12]);
    for (const { expected, incoming, server } of results) {
      expect(expected).toBeGreaterThan(0);
      expect(incoming.messages).toBe(expected);
      expect(server?.cpu).toBeGreaterThan(0);
    }
    // Two processes with six users each: two rooms of three in each of them, and everybody hears three.
    expect(results[2]?.expected).toBe(3 * (results[2]?.outgoing.messages ?? 0));
    const page = await readFile(at('capacity.html'), 'utf8');
    expect(page).toContain('It serves at least 12 users');
    for (const title of ['Latency by users', 'CPU by users', 'Latency by percentile']) expect(page).toContain(title);
  });

  it('finds where a server lets nobody in any more, and says so', async () => {
    const server = await launch();
    const { bayeux } = server;
    bayeux.securityPolicy = { canHandshake: () => bayeux.sessions.length < 10 };
    try {
      const place = ['--host', '127.0.0.1', '--port', String(server.port), '--processes', '1'];
      const run = command.run(['bench', 'capacity', ...small, ...place]);
      expect(await run.ended, run.output()).toBe(0);
      // One of the ten is the observer, who asks the server how it is.
      expect(run.output()).toMatch(/It serves (8|9) users/);
      expect(run.output()).toMatch(/it did not go well: not all could be had: .*handshake_denied/);
    } finally {
      await server.close();
    }
  });

  it('knows whom it has when a server drops connections', async () => {
    const server = await launch();
    server.listener.maxConnections = 14;
    try {
      const place = ['--host', '127.0.0.1', '--port', String(server.port), '--processes', '1'];
      const run = command.run(['bench', 'capacity', ...small, ...place]);
      expect(await run.ended, run.output()).toBe(0);
      // Of the fourteen, some may still be on their way out when the next step begins.
      expect(run.output()).toMatch(/It serves 1[0-3] users/);
    } finally {
      await server.close();
    }
  });

  it('ends with 1 when nobody can be served, and when there is no server', async () => {
    const nobody = command.run(['bench', 'capacity', ...small, '--port', '1']);
    expect(await nobody.ended, nobody.output()).toBe(1);
    expect(nobody.output()).toMatch(/^Not even 1 users could be served: not all could be had: .*ECONNREFUSED/m);
  });

  it('complains of what cannot be', async () => {
    const run = command.run(['bench', 'capacity', '--latency', '0']);
    expect(await run.ended).toBe(1);
    expect(run.output()).toBe("cometd: latency must be a whole number of at least 1, not '0'\n");
    const secure = command.run(['bench', 'capacity', '--tls']);
    expect(await secure.ended).toBe(1);
    expect(secure.output()).toBe('cometd: tls wants the host of a server that has it\n');
  });

  it('leaves no server behind when it is killed', async () => {
    const run = command.run(['bench', 'capacity', ...small, '--seconds', '20']);
    const [, port] = await run.line(/^http:\/\/127\.0\.0\.1:(\d+)\//m);
    run.child.kill('SIGKILL');
    await run.ended;
    await vi.waitFor(() => expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow(), { timeout: 10_000 });
  });

  describe('with what a run said', () => {
    let result: RunResult;
    beforeAll(async () => {
      const run = command.run(['bench', 'capacity', ...small, '--most', '4', '--json', at('one.json')]);
      await run.ended;
      result = { ...((await load(at('one.json')))[0] as RunResult), saturation: [] };
    });
    const withP99 = (p99: number): RunResult => ({ ...result, latency: { ...result.latency, p99 } });
    const stepOf = (users: number, one: RunResult, limit = 100): Step => ({
      users,
      result: { ...one, load: { ...one.load, clients: users } },
      ...verdictOn(one, limit),
    });
    const load100 = { limit: 100, every: 10, roomSize: 50 };

    it('goes by the one message in a hundred that takes longest', () => {
      expect(verdictOn(withP99(100_000), 100)).toEqual({ trouble: undefined, isOurs: false });
      expect(verdictOn(withP99(100_001), 100)).toEqual({
        trouble: 'one message in a hundred took over 100.0 ms, and 100 are allowed',
        isOurs: false,
      });
    });

    it('takes nothing for well that lost something', () => {
      const lost = { ...result, incoming: { ...result.incoming, messages: result.expected - 1 } };
      expect(verdictOn(lost, 100)).toEqual({ trouble: '1 messages did not arrive', isOurs: false });
      expect(verdictOn({ ...result, lost: 2 }, 100).trouble).toBe('2 sessions ended');
      expect(verdictOn({ ...result, refused: 3 }, 100).trouble).toBe('3 messages were refused');
    });

    it('does not blame the server for what the client could not do', () => {
      const busy = { ...withP99(900_000), saturation: ['The client was busy 99.0 % of the time'] };
      const capacity = capacityOf([stepOf(8_000, busy), stepOf(4_000, withP99(5_000))], load100);
      expect(textOfCapacity(capacity)).toContain('It serves at least 4,000 users');
      expect(textOfCapacity(capacity)).toContain('With 8,000 the client was the bottleneck: The client was busy');
    });

    it('believes what was quick enough, however late the client was', () => {
      const busy = { ...withP99(90_000), saturation: ['The client was busy 99.0 % of the time'] };
      expect(verdictOn(busy, 100)).toEqual({ trouble: undefined, isOurs: false });
    });

    it('says what ended it, in text and on the page', () => {
      const capacity = capacityOf(
        [stepOf(2_000, withP99(5_000)), stepOf(8_000, withP99(250_000)), stepOf(4_000, withP99(50_000))],
        load100,
      );
      expect(textOfCapacity(capacity)).toMatch(/^It serves 4,000 users, 99 of 100 messages within 50\.0 ms/);
      expect(textOfCapacity(capacity)).toContain(
        'With 8,000 it did not go well: one message in a hundred took over 250.0 ms, and 100 are allowed.',
      );
      const page = openingOf(capacity);
      expect(page).toContain('It serves 4,000 users');
      expect(page.match(/<polyline/g)).toHaveLength(5);
    });
  });
});
