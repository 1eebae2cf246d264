/** Diagnostics: the log that cannot be flooded or forged, the counters, and the guard around user code. */
import { describe, expect, it, vi } from 'vitest';
import { Diagnostics, hashed, printable } from '../src/diagnostics.ts';
import { found, host, httpOf, Notebook, stopTheClock } from './hosting.ts';

function diagnostics(level: 'debug' | 'warn' | 'silent' = 'debug'): { log: Notebook; diagnostics: Diagnostics } {
  const log = new Notebook();
  return { log, diagnostics: new Diagnostics(log, level) };
}

describe('the log', () => {
  it('has at most 60 lines a minute for one reason, and the counters have them all', () => {
    stopTheClock();
    const { log, diagnostics: one } = diagnostics();
    for (let index = 0; index < 10_000; index++) one.rejected('json_invalid', 'x');
    one.rejected('other');
    expect(log.lines.filter((line) => line.includes('json_invalid'))).toHaveLength(60);
    expect(log.lines.filter((line) => line.includes('other'))).toHaveLength(1);
    expect(one.counters.get('rejected.json_invalid')).toBe(10_000);
    vi.advanceTimersByTime(60_000);
    one.rejected('json_invalid');
    expect(log.lines.filter((line) => line.includes('json_invalid'))).toHaveLength(61);
  });

  it('limits warnings and failures as well', () => {
    const { log, diagnostics: one } = diagnostics('warn');
    for (let index = 0; index < 1000; index++) {
      one.warn('maxQueue', 'A queue is full');
      one.failed('listener', new Error('broken'));
    }
    expect(log.lines.length).toBeLessThanOrEqual(240);
    expect(one.counters.get('failed.listener')).toBe(1000);
  });

  it('is as talkative as its level says', () => {
    const lines = (level: 'debug' | 'warn' | 'silent'): string[] => {
      const { log, diagnostics: one } = diagnostics(level);
      one.debug('reason', () => 'details');
      one.info('news');
      one.warn('reason', 'trouble');
      one.failed('place', new Error('broken'));
      return log.lines.map((line) => line.split(' ')[0] ?? '');
    };
    expect(lines('debug')).toEqual(['debug', 'info', 'warn', 'error']);
    expect(lines('warn')).toEqual(['warn', 'error']);
    expect(lines('silent')).toEqual([]);
  });

  it('does not make the text of a line nobody reads', () => {
    const text = vi.fn(() => 'details');
    diagnostics('warn').diagnostics.debug('reason', text);
    expect(text).not.toHaveBeenCalled();
  });
});

describe('text of a peer', () => {
  it('never starts a line or an escape sequence', () => {
    expect(printable('a\r\nb\u001b[31mc\u2028d\u2029e\u0000f\u009bg\tü€')).toBe(
      'a\\u000d\\u000ab\\u001b[31mc\\u2028d\\u2029e\\u0000f\\u009bg\\u0009ü€',
    );
  });

  it('is cut, and what is no text is named', () => {
    expect(printable('x'.repeat(1000))).toBe(`${'x'.repeat(200)}…`);
    expect(printable({ length: 1e9 })).toBe('[object]');
  });

  it.each(['\r\nINFO forged', '\u001b[2J', '\u2028'])('comes out of the server escaped: %j', async (evil) => {
    const house = await host({ logLevel: 'debug' });
    const session = await house.enter('long-polling');
    await session.publish(`/a${evil}`, 1);
    await session.ask({ ...session.message('/a', { data: 1 }), id: `i${evil}` });
    await session.ask(session.message(5 as never, { data: 1 }));
    for (const line of house.log.lines) expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(house.log.lines.length).toBeGreaterThan(0);
  });

  it('does not reach the log when it is secret', async () => {
    const house = await host({ logLevel: 'debug', maxQueue: 1, queuePolicy: 'dropNewest' });
    const session = await house.enter('long-polling');
    await session.call('/a<', { data: 'datum', ext: { token: 'token' } });
    for (const _ of [1, 2, 3]) house.sideOf(session).deliver(null, '/a', 1);
    await httpOf(session).post('{"token":');
    const log = house.log.lines.join('\n');
    expect(log).toContain('json_invalid');
    expect(log).toContain(hashed(session.clientId));
    for (const secret of [session.clientId, 'token', 'datum', ...httpOf(session).jar.values()])
      expect(log).not.toContain(secret);
  });
});

describe('the guard', () => {
  it('stays synchronous with what is synchronous', () => {
    const { diagnostics: one } = diagnostics();
    expect(one.guard('here', 0, () => 1)).toBe(1);
    expect(
      one.guard('here', 0, () => {
        throw new Error('broken');
      }),
    ).toBe(0);
    expect(one.counters.get('failed.here')).toBe(1);
  });

  it('waits for promises, and answers for those that reject', async () => {
    const { log, diagnostics: one } = diagnostics();
    expect(await one.guard('here', 0, () => Promise.resolve(1))).toBe(1);
    expect(await one.guard('here', 0, () => Promise.reject(new Error('broken')))).toBe(0);
    expect(log.lines).toEqual(['error Failure in here broken']);
  });

  it('reports what listeners throw or reject with, and calls them all', async () => {
    const { diagnostics: one } = diagnostics();
    const called: number[] = [];
    one.notify(
      'there',
      [
        () => {
          throw new Error('broken');
        },
        () => Promise.reject(new Error('broken')),
        (value: number) => called.push(value),
      ],
      7,
    );
    await Promise.resolve();
    await Promise.resolve();
    expect(called).toEqual([7]);
    expect(one.counters.get('failed.there')).toBe(2);
  });
});

describe('a session id', () => {
  it('appears in logs as eight characters that lead nowhere', () => {
    expect(hashed('secret')).toMatch(/^[0-9a-f]{8}$/);
    expect(hashed('secret')).toBe(hashed('secret'));
  });
});

describe('counters', () => {
  it('are one set for each server', () => {
    const [one, two] = [found(), found()];
    one.diagnostics.count('mine');
    expect(two.diagnostics.counters.size).toBe(0);
  });
});
