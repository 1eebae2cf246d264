import type { ServerOptions } from '@cometd-ts/server';
import { describe, expect, it, vi } from 'vitest';
import {
  type DataFilter,
  filterData,
  filterJSON,
  noMarkup,
  noScripts,
  replaceMatches,
} from '../../src/ext/data-filters.ts';
import { type House, host, transports } from '../hosting.ts';

const apply = (filter: DataFilter, data: unknown): unknown => filter(data, null, {} as never);

async function filtering(filters: readonly DataFilter[], options: ServerOptions = {}): Promise<House> {
  const house = await host(options);
  house.bayeux.createChannelIfAbsent('/chat/*').channel.addListener('message', filterData(filters));
  return house;
}

describe.each(transports)('data filters over %s', (transport) => {
  it('rewrite what subscribers get', async () => {
    const house = await filtering([noScripts(), noMarkup()]);
    const session = await house.enter(transport);
    await session.subscribe('/chat/a');
    await session.publish('/chat/a', { text: '<b>hi</b><script>', tags: ['<', 1, null, true] });
    await session.connect(0);
    expect((await session.event('/chat/a')).data).toEqual({
      text: '&lt;b&gt;hi&lt;/b&gt;&lt;span&gt;',
      tags: ['&lt;', 1, null, true],
    });
  });

  it('rewrite data whose text would otherwise be kept to the character', async () => {
    const house = await filtering([noMarkup()]);
    const session = await house.enter(transport);
    await session.subscribe('/chat/a');
    session.client.post(
      `[{"id":"x","channel":"/chat/a","clientId":"${session.clientId}","data":{"n":12345678901234567890,"t":"<"}}]`,
    );
    await session.inbox.reply('x');
    await session.connect(0);
    const [event] = session.inbox.events('/chat/a');
    expect(event?.data).toEqual({ n: Number('12345678901234567890'), t: '&lt;' });
  });

  it('stop messages with null, and with an exception, which is reported', async () => {
    const house = await host();
    const failed = vi.fn();
    const failure = new Error('broken');
    const stop: DataFilter = (data) => {
      if (data === 'boom') throw failure;
      return data === 'bad' ? null : data;
    };
    house.bayeux.createChannelIfAbsent('/chat/*').channel.addListener('message', filterData([stop], { failed }));
    const session = await house.enter(transport);
    await session.subscribe('/chat/a');
    const error = '404::message_deleted';
    expect(await session.publish('/chat/a', 'bad')).toMatchObject({ successful: false, error });
    expect(await session.publish('/chat/a', 'boom')).toMatchObject({ successful: false, error });
    expect(await session.publish('/chat/a', 'good')).toMatchObject({ successful: true });
    await session.connect(0);
    expect(session.inbox.events('/chat/a').map(({ data }) => data)).toEqual(['good']);
    expect(failed.mock.calls).toEqual([[failure]]);
  });

  it('are not asked about messages without data', async () => {
    const asked = vi.fn((data: unknown) => data);
    const house = await filtering([asked]);
    const session = await house.enter(transport);
    expect(await session.call('/chat/a', { data: null })).toMatchObject({ successful: true });
    expect(await session.call('/chat/a')).toMatchObject({ successful: true });
    expect(asked).not.toHaveBeenCalled();
  });

  it('are told who says it, and where', async () => {
    const told: unknown[] = [];
    const house = await filtering([
      (data, from, channel) => {
        told.push([data, from?.id, channel.id]);
        return data;
      },
    ]);
    const session = await house.enter(transport);
    await session.publish('/chat/a', 1);
    house.bayeux.getChannel('/chat/a')?.publish(null, 2);
    expect(told).toEqual([
      [1, session.clientId, '/chat/a'],
      [2, undefined, '/chat/a'],
    ]);
  });
});

describe('a filter that fails and has nobody to tell', () => {
  it('is told to the console', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const house = await filtering([
      () => {
        throw new Error('broken');
      },
    ]);
    const session = await house.enter();
    await session.publish('/chat/a', 1);
    expect(error).toHaveBeenCalledWith('A data filter failed', expect.any(Error));
    error.mockRestore();
  });
});

describe('filterJSON', () => {
  const upper = filterJSON({ string: (text) => text.toUpperCase() });

  it('walks through objects and arrays, and copies only what changes', () => {
    const same = { n: 1, list: ['A'] };
    const data = { same, other: ['a'] };
    const result = apply(upper, data) as typeof data;
    expect(result).toEqual({ same, other: ['A'] });
    expect(result.same).toBe(same);
    expect(data.other).toEqual(['a']);
    expect(apply(upper, same)).toBe(same);
  });

  it('knows numbers and booleans, and stops at null', () => {
    const filter = filterJSON({ number: (value) => (value < 0 ? null : value + 1), boolean: (value) => !value });
    expect(apply(filter, [1, true, 'a', null])).toEqual([2, false, 'a', null]);
    expect(apply(filter, { deep: [{ n: -1 }] })).toBeNull();
    expect(() => apply(filterJSON({ string: () => JSON.parse('') }), 'a')).toThrow(SyntaxError);
  });

  it('leaves bytes and objects of classes alone, and keys that look like prototypes are keys', () => {
    const data = { bytes: new Uint8Array(2), date: new Date(0) };
    expect(apply(upper, data)).toBe(data);
    const hostile: unknown = JSON.parse('{"__proto__":"a","b":"c"}');
    const result = apply(upper, hostile) as object;
    expect(Object.entries(result)).toEqual([
      ['__proto__', 'A'],
      ['b', 'C'],
    ]);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
  });
});

describe('the stock filters', () => {
  it('take scripts away, however they are written', () => {
    for (const [text, expected] of [
      ['<script>a()</script>', '<span>a()</span>'],
      ['< SCRIPT src="x">', '<span src="x">'],
      ['</ScRiPt >', '</span>'],
      ['prescription', 'prescription'],
      ['<scr<script>ipt>', '<scr<span>ipt>'],
    ])
      expect(apply(noScripts(), text)).toBe(expected);
  });

  it('replace what matches, in order, and stop what matches as a whole', () => {
    const filter = replaceMatches([
      [/\d{4}-(\d{2})/, '****-$1'],
      [/spam/i, null],
      [/\*/g, 'x'],
    ]);
    expect(apply(filter, 'a 1234-56 and 7890-12')).toBe('a xxxx-56 and xxxx-12');
    expect(apply(filter, 'no spam here')).toBe('no spam here');
    expect(apply(filter, ['fine', 'SPAM'])).toBeNull();
    // A pattern with a memory of its own is asked anew each time.
    expect(apply(replaceMatches([[/a/gy, null]]), ['a', 'b'])).toBeNull();
  });
});
