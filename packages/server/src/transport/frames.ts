/** Outgoing WebSocket frames: built once for a batch, shared by every connection that sends the same batch. RFC 6455, 5.2. */
import type { ServerMessage } from '../message.ts';

/** One unmasked, final text frame. It is shared: nobody may write into it. */
export function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = 0x81;
  if (header === 2) frame[1] = length;
  else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    frame.writeUInt32BE(length >>> 0, 6);
  }
  frame.write(text, header, 'utf8');
  return frame;
}

/** How queued messages are put into frames. */
export interface FrameBudget {
  /** Messages in one frame; ≤ 0 for any number. */
  readonly messagesPerFrame: number;
  /** Characters in one frame; a longer single message travels alone. */
  readonly maxFrameSize: number;
}

/** The texts of the frames that carry a batch, in order. */
export function frameTexts(batch: readonly ServerMessage[], budget: FrameBudget): string[] {
  const most = budget.messagesPerFrame > 0 ? budget.messagesPerFrame : Number.POSITIVE_INFINITY;
  const texts: string[] = [];
  let text = '';
  let count = 0;
  for (const { json } of batch) {
    // A comma before it, and the brackets around all, count as well.
    if (count > 0 && (count >= most || text.length + json.length + 3 > budget.maxFrameSize)) {
      texts.push(`[${text}]`);
      text = '';
      count = 0;
    }
    text = count === 0 ? json : `${text},${json}`;
    count++;
  }
  if (count > 0) texts.push(`[${text}]`);
  return texts;
}

/** Remembers the frames of the last batch: when many sessions send the same messages in one flush, only the first builds them. */
export class FrameCache {
  readonly #budget: FrameBudget;
  #batch: readonly ServerMessage[] = [];
  #bytes: Buffer = Buffer.alloc(0);

  constructor(budget: FrameBudget) {
    this.#budget = budget;
  }

  /** The bytes of all frames of a batch, one after another. */
  bytesOf(batch: readonly ServerMessage[]): Buffer {
    if (isSame(batch, this.#batch)) return this.#bytes;
    const [first, ...rest] = frameTexts(batch, this.#budget).map(frameOf);
    this.#bytes = first && rest.length === 0 ? first : Buffer.concat(first ? [first, ...rest] : []);
    this.#batch = batch;
    return this.#bytes;
  }
}

function isSame(a: readonly ServerMessage[], b: readonly ServerMessage[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
