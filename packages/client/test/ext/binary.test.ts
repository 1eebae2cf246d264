import { BinaryExtension as OfficialBinaryExtension } from 'cometd';
import { describe, expect, it } from 'vitest';
import { BinaryExtension } from '../../src/ext/binary.ts';
import type { Message } from '../../src/message.ts';
import { enter, feed, reply, routes, serve } from './clients.ts';

/** The bytes that the definition of Z85 takes for its example. */
const example = [134, 79, 210, 111, 181, 89, 247, 91];
const marked = (data: unknown): Message => ({ channel: '/a', data: { data, last: true }, ext: { binary: {} } });
const buffer = (bytes: readonly number[]): ArrayBuffer => new Uint8Array(bytes).buffer;
const bytesOf = (message: Message | null): number[] => {
  const { data } = (message?.data ?? {}) as { data?: unknown };
  expect(data).toBeInstanceOf(ArrayBuffer);
  return [...new Uint8Array(data as ArrayBuffer)];
};

describe('the binary extension', () => {
  const { incoming, outgoing } = feed(new BinaryExtension());
  const surrounded = buffer([1, 2, ...example, 3, 4]);

  it.each([
    ['a buffer', buffer(example)],
    ['numbers', example],
    ['bytes', new Uint8Array(example)],
    ['a part of a buffer', new Uint8Array(surrounded, 2, 8)],
    ['a DataView', new DataView(surrounded, 2, 8)],
    ['wider numbers', new Uint16Array(surrounded, 2, 4)],
    ['a Node.js buffer', Buffer.from(example)],
  ])('sends %s as text', (_, data) => {
    expect(outgoing(marked(data))).toEqual(marked('HelloWorld'));
  });

  it('gives the application a buffer of exactly the bytes that were sent, however many', () => {
    for (let length = 0; length <= 9; length++) {
      const bytes = example.concat(0).slice(0, length);
      expect(bytesOf(incoming(outgoing(marked(bytes))!))).toEqual(bytes);
    }
  });

  it('keeps the rest of the chunk, and the mark', () => {
    const message = { ...marked('HelloWorld'), data: { data: 'HelloWorld', last: false, meta: { name: 'f' } } };
    expect(incoming(message)).toMatchObject({ data: { last: false, meta: { name: 'f' } }, ext: { binary: {} } });
  });

  it('does not change what the application holds', () => {
    const message = marked(example);
    const { data } = message;
    outgoing(message);
    expect(data).toEqual({ data: example, last: true });
  });

  it.each([
    ['a text', 'abc'],
    ['nothing', undefined],
    ['an object', { length: 1 }],
  ])('refuses to send %s as bytes', (_, data) => {
    expect(() => outgoing(marked(data))).toThrow(`Cannot Z85 encode ${data}`);
  });

  it('refuses text that is not Z85, and leaves the message as it was', () => {
    const message = marked('Hello"World');
    expect(() => incoming(message)).toThrow(RangeError);
    expect(message).toEqual(marked('Hello"World'));
  });

  it('leaves alone what is not marked, what is meta, and replies without data', () => {
    for (const message of [
      { channel: '/a', data: { data: 'HelloWorld' } },
      { channel: '/a', data: { data: 'HelloWorld' }, ext: {} },
      { channel: '/meta/connect', data: { data: 'HelloWorld' }, ext: { binary: {} } },
    ]) {
      expect(outgoing(structuredClone(message))).toEqual(message);
      expect(incoming(structuredClone(message))).toEqual(message);
    }
    const reply = { channel: '/a', successful: true, ext: { binary: {} } };
    expect(incoming({ ...reply })).toEqual(reply);
  });
});

describe.each(routes)('with %s over %s', (_, transport, open) => {
  it.each([
    ['ours to ours', BinaryExtension, BinaryExtension],
    ['ours to the official one', BinaryExtension, OfficialBinaryExtension],
    ['the official one to ours', OfficialBinaryExtension, BinaryExtension],
  ])('bytes go unharmed from %s', async (__, Sending, Receiving) => {
    const { url } = await serve({ options: { forwardFields: ['ext'] } });
    const [sender, receiver] = [enter(open, url, transport), enter(open, url, transport)];
    sender.registerExtension('binary', new Sending());
    receiver.registerExtension('binary', new Receiving());
    // One after the other, because a browser's first reply brings its cookie.
    for (const client of [sender, receiver]) await reply((done) => client.handshake(done));
    const bytes = Array.from({ length: 1021 }, (___, at) => (at * 7) % 256);
    let heard: (message: Message) => void;
    const event = reply((done) => {
      heard = done;
    });
    await reply((done) => receiver.subscribe('/files', (message) => heard(message), done));
    const answer = await reply((done) => {
      sender.publishBinary('/files', new Uint8Array(bytes), true, { name: 'f' }, done);
    });
    expect(answer.successful).toBe(true);
    const received = await event;
    expect(received.data).toMatchObject({ last: true, meta: { name: 'f' } });
    expect(bytesOf(received)).toEqual(bytes);
  });
});
