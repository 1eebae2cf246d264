import type { ServerMessage } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { BinaryExtension, SessionBinaryExtension } from '../../src/ext/binary.ts';
import { host, lodge, transports } from '../hosting.ts';

/** The bytes that the definition of Z85 takes for its example. */
const bytes = Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b);
const wire = { data: 'HelloWorld', last: true, meta: { name: 'a.png' } };

describe.each(transports)('binary data over %s', (transport) => {
  it('is bytes for listeners, and text with a mark for subscribers, whatever fields are forwarded', async () => {
    const house = await host();
    house.bayeux.addExtension(new BinaryExtension());
    const seen: ServerMessage[] = [];
    house.bayeux.createChannelIfAbsent('/bin').channel.addListener('message', (_from, _channel, message) => {
      seen.push(message.copy());
    });
    const [publisher, subscriber] = [await house.enter(transport), await house.enter(transport)];
    await subscriber.subscribe('/bin');
    expect(await publisher.call('/bin', { data: wire, ext: { binary: {}, other: 1 } })).toMatchObject({
      successful: true,
    });
    await subscriber.connect(0);
    expect(await subscriber.event('/bin')).toEqual({ channel: '/bin', data: wire, ext: { binary: {} } });
    expect(seen[0]).toMatchObject({ data: { data: bytes, last: true, meta: { name: 'a.png' } } });
    expect(seen[0]?.ext).toBeUndefined();
  });

  it('keeps the rest of ext for those to whom it is forwarded', async () => {
    const house = await host({ forwardFields: ['ext'] });
    house.bayeux.addExtension(new BinaryExtension());
    const session = await house.enter(transport);
    await session.subscribe('/bin');
    await session.call('/bin', { data: wire, ext: { binary: {}, other: 1 } });
    await session.connect(0);
    expect((await session.event('/bin')).ext).toEqual({ binary: {}, other: 1 });
  });

  it('reaches services as bytes, and is delivered to one session as text', async () => {
    const house = await host();
    house.bayeux.addExtension(new BinaryExtension());
    house.bayeux.createChannelIfAbsent('/service/echo').channel.addListener('message', (from, channel, message) => {
      from?.deliver(null, { id: message.id ?? '', channel: channel.id, successful: true, data: message.data });
    });
    const session = await house.enter(transport);
    await session.call('/service/echo', { id: 'a', data: wire, ext: { binary: {} } });
    await session.connect(0);
    expect(await session.event('/service/echo')).toMatchObject({ id: 'a', data: wire, ext: { binary: {} } });
  });

  it.each([
    ['text that is not Z85', { data: 'Hello"', last: true }, '400:data.data:message_invalid'],
    ['a tail of one character', { data: 'Hello1', last: true }, '400:data.data:message_invalid'],
    ['no text', { data: 5, last: true }, '400:data:message_invalid'],
    ['nothing', undefined, '400:data:message_invalid'],
    ['another kind of last', { data: 'Hello', last: 1 }, '400:data.last:message_invalid'],
  ])('is refused when it is %s', async (_, data, error) => {
    const house = await host();
    house.bayeux.addExtension(new BinaryExtension());
    const session = await house.enter(transport);
    await session.subscribe('/bin');
    const fields = data === undefined ? {} : { data };
    expect(await session.call('/bin', { ...fields, ext: { binary: {} } })).toMatchObject({ successful: false, error });
    await session.connect(0);
    expect(session.inbox.events('/bin')).toEqual([]);
  });

  it('is left alone without the mark, and in meta messages', async () => {
    const house = await host();
    house.bayeux.addExtension(new BinaryExtension());
    const session = await house.enter(transport);
    await session.subscribe('/bin');
    await session.call('/bin', { data: wire });
    await session.call('/bin', { data: wire, ext: { binary: null } });
    await session.connect(0, { ext: { binary: {} }, data: { data: '"' } });
    expect(session.inbox.events('/bin')).toEqual([
      { channel: '/bin', data: wire },
      { channel: '/bin', data: wire },
    ]);
  });

  it('can be had for one session alone', async () => {
    const house = await host();
    const [binary, plain] = [await house.enter(transport), await house.enter(transport)];
    house.sideOf(binary).addExtension(new SessionBinaryExtension());
    for (const session of [binary, plain]) await session.subscribe('/bin');
    house.bayeux.getChannel('/bin')?.publish(null, { data: bytes, last: true });
    for (const session of [binary, plain]) await session.connect(0);
    expect(await binary.event('/bin')).toEqual({
      channel: '/bin',
      data: { data: 'HelloWorld', last: true },
      ext: { binary: {} },
    });
    expect((await plain.event('/bin')).ext).toBeUndefined();
    expect(await binary.call('/bin', { data: { data: '"' }, ext: { binary: {} } })).toMatchObject({
      successful: false,
    });
    const ordinary = await binary.publish('/bin', 'text');
    expect(ordinary.successful).toBe(true);
  });
});

describe('the binary extension', () => {
  it('encodes what the server and its local sessions publish, once for all, and leaves it to them unchanged', async () => {
    const house = await host();
    house.bayeux.addExtension(new BinaryExtension());
    const session = await house.enter();
    await session.subscribe('/bin');
    const chunk = { data: bytes, last: false };
    house.bayeux.getChannel('/bin')?.publish(null, chunk);
    await lodge(house.bayeux).getChannel('/bin').publish(chunk);
    for (let n = 0; n < 2; n++) {
      const event = await session.event('/bin');
      expect(event).toEqual({ channel: '/bin', data: { data: 'HelloWorld', last: false }, ext: { binary: {} } });
    }
    expect(chunk.data).toBe(bytes);
  });
});
