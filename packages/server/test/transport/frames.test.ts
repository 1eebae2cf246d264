/** Outgoing frames: their bytes, what shares one, and who shares them. */
import { JSONContext } from '@cometd-ts/protocol';
import { describe, expect, it } from 'vitest';
import { ServerMessage } from '../../src/message.ts';
import { FrameCache, frameTexts } from '../../src/transport/frames.ts';
import { textFrame } from '../../src/websocket/frame.ts';
import { framesOf, TEXT } from './wire.ts';

const json = new JSONContext();
const ENVELOPE = '{"channel":"/a","data":""}'.length;
/** A message whose text has this many characters. */
const message = (length: number) =>
  new ServerMessage({ channel: '/a', data: 'x'.repeat(length - ENVELOPE) }).freeze(json);

describe('a frame', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('of %i bytes is whole, final and unmasked', (length) => {
    const text = 'x'.repeat(length);
    const { frames, rest } = framesOf(textFrame(text));
    expect(rest).toHaveLength(0);
    expect(frames).toHaveLength(1);
    expect(frames[0]).toMatchObject({ opcode: TEXT, fin: true });
    expect(frames[0]?.payload.toString()).toBe(text);
  });

  it('counts bytes, not characters', () => {
    const text = '€𝄞ü'.repeat(20);
    expect(framesOf(textFrame(text)).frames[0]?.payload.toString()).toBe(text);
  });
});

describe('the messages of a batch', () => {
  const split = (lengths: number[], budget = {}) =>
    frameTexts(lengths.map(message), { messagesPerFrame: 0, maxFrameSize: 1_000, ...budget }).map(
      (text) => (JSON.parse(text) as unknown[]).length,
    );

  it.each([
    [[], []],
    [[2_000], [1]],
    [[500, 497], [2]],
    [
      [500, 498],
      [1, 1],
    ],
    [
      [500, 500, 500],
      [1, 1, 1],
    ],
    [
      [100, 2_000, 100, 100],
      [1, 1, 2],
    ],
    [Array.from({ length: 30 }, () => 90), [10, 10, 10]],
  ])('of %j characters are framed as %j', (lengths, counts) => expect(split(lengths)).toEqual(counts));

  it('are counted as well when there is a number for them', () => {
    expect(split([50, 50, 50, 50, 50], { messagesPerFrame: 2 })).toEqual([2, 2, 1]);
    expect(split([600, 600, 50], { messagesPerFrame: 2 })).toEqual([1, 2]);
  });
});

describe('the cache of frames', () => {
  const budget = { messagesPerFrame: 1, maxFrameSize: 1_000 };

  it('gives the same bytes to everybody with the same messages', () => {
    const cache = new FrameCache(budget, textFrame);
    const [a, b] = [message(50), message(60)];
    const bytes = cache.bytesOf([a, b]);
    expect(cache.bytesOf([a, b])).toBe(bytes);
    expect(framesOf(bytes).frames).toHaveLength(2);
  });

  it('does not take equal messages for the same, nor some for all', () => {
    const cache = new FrameCache(budget, textFrame);
    const [a, b] = [message(50), message(50)];
    const bytes = cache.bytesOf([a]);
    expect(cache.bytesOf([b])).not.toBe(bytes);
    expect(framesOf(cache.bytesOf([b, a])).frames).toHaveLength(2);
    expect(cache.bytesOf([])).toHaveLength(0);
  });
});
