import { describe, expect, it } from 'vitest';
import { ABORT, type Frame, FrameReader, frame, REQUEST } from '../../src/workers/wire.ts';

function read(reader: FrameReader): Frame[] {
  const frames: Frame[] = [];
  for (let next = reader.next(); next; next = reader.next()) frames.push(next);
  return frames;
}

describe('frames between workers', () => {
  const bytes = Buffer.concat([
    frame(REQUEST, 1, { url: '/cömetd' }, Buffer.from('[{"ä":1}]')),
    frame(ABORT, 4_294_967_295),
    frame(REQUEST, 2, {}),
  ]);
  const frames = [
    { kind: REQUEST, id: 1, head: { url: '/cömetd' }, body: Buffer.from('[{"ä":1}]') },
    { kind: ABORT, id: 4_294_967_295, head: null, body: Buffer.alloc(0) },
    { kind: REQUEST, id: 2, head: {}, body: Buffer.alloc(0) },
  ];

  it.each([1, 2, 7, 13, bytes.length])('are the same however they arrive: %i bytes at a time', (size) => {
    const reader = new FrameReader();
    const found: Frame[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.add(bytes.subarray(at, at + size));
      found.push(...read(reader));
    }
    expect(found).toEqual(frames);
    expect(reader.rest()).toHaveLength(0);
  });

  it('leave what follows them', () => {
    const reader = new FrameReader();
    reader.add(Buffer.concat([frame(REQUEST, 0, {}), Buffer.from([0x81, 0x80])]));
    expect(reader.next()?.kind).toBe(REQUEST);
    expect(reader.rest()).toEqual(Buffer.from([0x81, 0x80]));
  });
});
