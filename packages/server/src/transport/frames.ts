/** What travels in one WebSocket frame: built once for a batch, shared by every connection that sends the same batch. */
import type { ServerMessage } from '../message.ts';

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
  readonly #frameOf: (text: string) => Buffer;
  #batch: readonly ServerMessage[] = [];
  #bytes: Buffer = Buffer.alloc(0);

  /** `frameOf` makes the frame of a text, which is shared. */
  constructor(budget: FrameBudget, frameOf: (text: string) => Buffer) {
    this.#budget = budget;
    this.#frameOf = frameOf;
  }

  /** The bytes of all frames of a batch, one after another. */
  bytesOf(batch: readonly ServerMessage[]): Buffer {
    if (isSame(batch, this.#batch)) return this.#bytes;
    this.#bytes = this.bytesOfTexts(frameTexts(batch, this.#budget));
    this.#batch = batch;
    return this.#bytes;
  }

  /** The bytes of the frames of some texts, one after another. */
  bytesOfTexts(texts: readonly string[]): Buffer {
    const [only = ''] = texts;
    return texts.length === 1 ? this.#frameOf(only) : Buffer.concat(texts.map(this.#frameOf));
  }
}

function isSame(a: readonly ServerMessage[], b: readonly ServerMessage[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
