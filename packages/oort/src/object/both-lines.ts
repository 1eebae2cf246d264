/**
 * Both kinds of lines at once, while a cluster moves to an engine with buckets. Nodes that have moved keep their parts in the bucket, those
 * that have not send theirs as messages, and each hears of both. What comes both ways has the same version, and is heard once.
 */
import type { LocalSession } from '@cometd-ts/server';
import type { Line } from './line.ts';
import type { ObjectRecord } from './records.ts';

export class BothLines implements Line {
  readonly #lines: readonly [Line, Line];

  constructor(bucket: Line, messages: Line) {
    this.#lines = [bucket, messages];
  }

  get session(): LocalSession {
    return this.#lines[0].session;
  }

  broadcast(record: () => ObjectRecord): void {
    for (const line of this.#lines) line.broadcast(record);
  }

  greet(url: string): void {
    for (const line of this.#lines) line.greet(url);
  }

  /** By messages: every node answers those. */
  pull(url: string): void {
    this.#lines[1].pull(url);
  }

  answer(url: string): void {
    for (const line of this.#lines) line.answer(url);
  }

  hangUp(): void {
    for (const line of this.#lines) line.hangUp();
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.close()));
  }
}
