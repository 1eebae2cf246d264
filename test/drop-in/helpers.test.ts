/** Section 1.2 of the behaviour: what the CometD object tells, and the small tools extensions and bindings use. */
import { expect } from 'vitest';
import { typeOf } from './support/cometd.ts';
import { behaviour } from './support/visit.ts';

behaviour('reading and small helpers', (behaves) => {
  behaves('configuration and advice are given away as copies', async (visit) => {
    const { cometd } = visit;
    await visit.connected({ requestHeaders: { a: '1' } });
    (cometd.getConfiguration().requestHeaders as Record<string, string>).a = '2';
    cometd.getAdvice().timeout = -1;
    expect(cometd.getConfiguration().requestHeaders).toEqual({ a: '1' });
    expect(cometd.getAdvice().timeout).toBe(60_000);
  });

  behaves('the back-off is raised by its increment and put back', ({ cometd }) => {
    cometd.setBackoffIncrement(300);
    expect(cometd.getBackoffIncrement()).toBe(300);
    expect(cometd.getBackoffPeriod()).toBe(0);
    expect(cometd.increaseBackoffPeriod()).toBe(300);
    expect(cometd.increaseBackoffPeriod()).toBe(600);
    expect(cometd.getBackoffPeriod()).toBe(600);
    cometd.resetBackoffPeriod();
    expect(cometd.getBackoffPeriod()).toBe(0);
  });

  behaves('the client lends its timers, which swallow what is thrown', async ({ cometd, clock }) => {
    const ran: string[] = [];
    const stopped = cometd.setTimeout(() => ran.push('stopped'), 10);
    cometd.setTimeout(() => {
      ran.push('throws');
      throw new Error('in a timer');
    }, 10);
    cometd.setTimeout(() => ran.push('late'), 20);
    cometd.clearTimeout(stopped);
    await clock.advance(10);
    expect(ran).toEqual(['throws']);
    await clock.advance(10);
    expect(ran).toEqual(['throws', 'late']);
    expect(clock.errors).toEqual([]);
  });

  behaves('the log has levels, and the time of day in front', (visit) => {
    const { cometd, net } = visit;
    const said = (level: string) => net.log.filter(([of]) => of === level).map((entry) => entry.at(-1));
    cometd._debug('d');
    cometd._info('i');
    cometd._warn('w');
    expect([said('debug'), said('info'), said('warn')]).toEqual([[], ['i'], ['w']]);
    expect(net.log[0]?.[1]).toMatch(/^\d\d:\d\d:\d\d\.\d\d\d$/);
    cometd.setLogLevel('debug');
    cometd._debug('d');
    cometd.setLogLevel('warn');
    cometd._info('i2');
    cometd._warn('w2');
    expect([said('debug'), said('info'), said('warn')]).toEqual([['d'], ['i'], ['w', 'w2']]);
  });

  behaves('_mixin copies own properties, skips undefined and circles', ({ cometd }) => {
    const target: Record<string, unknown> = { a: 1, keep: { x: 1 } };
    const same = cometd._mixin(false, target, { a: undefined, b: 2, me: target }, null, undefined, { c: 3 });
    expect(same).toBe(target);
    expect(target).toEqual({ a: 1, b: 2, c: 3, keep: { x: 1 } });
    const nested = { y: 2 };
    expect(cometd._mixin(true, {}, { keep: { x: 1 } }, { keep: nested })).toEqual({ keep: { x: 1, y: 2 } });
    expect(cometd._mixin(true, {}, { keep: nested }).keep).not.toBe(nested);
    expect(cometd._mixin(false, {}, { keep: nested }).keep).toBe(nested);
    expect(cometd._mixin(true, {}, { list: [1, 2, 3] }, { list: [9] })).toEqual({ list: [9, 2, 3] });
  });

  behaves('_putCallback returns the one before and ignores what is no function', ({ cometd }) => {
    const first = () => undefined;
    const second = () => undefined;
    expect(cometd._putCallback('7', first)).toBeUndefined();
    expect(cometd._putCallback('7', second)).toBe(first);
    expect(cometd._putCallback('7', 'no')).toBe(second);
    expect(cometd._getCallback('7')).toBe(second);
  });

  behaves('getTransport tells what is in use, and nothing after disconnect', async (visit) => {
    await visit.connected();
    expect(typeOf(visit.cometd.getTransport())).toBe('long-polling');
    visit.cometd.disconnect();
    await (await visit.net.take('/meta/disconnect')).reply();
    expect(visit.cometd.getTransport() ?? null).toBeNull();
    expect(visit.cometd.getClientId()).toBeNull();
  });
});
