/** Bytes in messages. */
import { describe, expect, it } from 'vitest';
import { BayeuxError, decodeBinary, encodeBinary, isBinaryData, type Message } from '../src/index.ts';

const hello = Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b);
const received = (fields: object = {}): Message => ({
  channel: '/bin',
  data: { data: 'HelloWorld', last: true, meta: { name: 'a.png' } },
  ext: { binary: {}, ack: 3 },
  ...fields,
});

describe('isBinaryData', () => {
  it('asks for bytes, a boolean, and perhaps an object', () => {
    expect(isBinaryData({ data: hello, last: false })).toBe(true);
    expect(isBinaryData({ data: hello, last: true, meta: { a: 1 } })).toBe(true);
    for (const value of [
      null,
      hello,
      {},
      { data: 'x', last: true },
      { data: hello },
      { data: hello, last: true, meta: 1 },
    ]) {
      expect(isBinaryData(value)).toBe(false);
    }
  });
});

describe('decodeBinary', () => {
  it('makes bytes of the text of a marked message, and takes only the mark away', () => {
    const message = received();
    decodeBinary(message);
    expect(message.data).toEqual({ data: hello, last: true, meta: { name: 'a.png' } });
    expect(message.ext).toEqual({ ack: 3 });
  });

  it('leaves messages alone that are not marked, and meta messages', () => {
    for (const fields of [
      { ext: { binary: null } },
      { ext: {} },
      { channel: '/meta/connect' },
      { ext: { constructor: 1 } },
    ]) {
      const message = received(fields);
      decodeBinary(message);
      expect(message).toEqual(received(fields));
    }
  });

  it.each<[unknown, string]>([
    ['HelloWorld', 'data'],
    [null, 'data'],
    [{ data: 5, last: true }, 'data'],
    [{ data: 'Hell ', last: true }, 'data.data'],
    [{ data: '#####', last: true }, 'data.data'],
    [{ data: 'Hello', last: 'yes' }, 'data.last'],
    [{ data: 'Hello', last: true, meta: [] }, 'data.meta'],
  ])('refuses %j as the peer’s fault, and leaves the message as it was', (data, field) => {
    const message = received({ data });
    expect(() => decodeBinary(message)).toThrow(BayeuxError);
    expect(() => decodeBinary(message)).toThrow(`400:${field}:message_invalid`);
    expect(message).toEqual(received({ data }));
  });
});

describe('encodeBinary', () => {
  it('makes text of bytes and marks a copy of ext, so that others keep theirs', () => {
    const data = { data: hello, last: true, meta: { name: 'a.png' } };
    const ext = { ack: 3 };
    const message: Message = { channel: '/bin', data, ext };
    encodeBinary(message);
    expect(message).toEqual(received());
    expect(data.data).toBe(hello);
    expect(ext).toEqual({ ack: 3 });
  });

  it('leaves other data and meta messages alone', () => {
    const text: Message = { channel: '/bin', data: { data: 'x', last: true } };
    encodeBinary(text);
    expect(text.ext).toBeUndefined();
    const meta: Message = { channel: '/meta/connect', data: { data: hello, last: true } };
    encodeBinary(meta);
    expect(meta.ext).toBeUndefined();
  });

  it('is undone by decodeBinary', () => {
    const message: Message = { channel: '/bin', data: { data: hello, last: false } };
    encodeBinary(message);
    decodeBinary(message);
    expect(message).toEqual({ channel: '/bin', data: { data: hello, last: false }, ext: {} });
  });
});
