/** The line of one object to its likes on the other nodes: what it hears and says, and the session that stands for it. */
import type { LocalSession } from '@cometd-ts/server';
import type { Oort } from '../oort.ts';
import { BothLines } from './both-lines.ts';
import { BucketLine } from './bucket-line.ts';
import { MessageLine } from './message-line.ts';
import type { ObjectRecord } from './records.ts';
import type { Turns } from './turns.ts';

/** Whoever holds the line. It is called in its turns. */
export interface LineHolder {
  readonly turns: Turns;
  /** What is changed from now on is told to the others: a listener may change something while the line is opened. */
  standing(line: Line): void;
  /** All of the local part. */
  whole(): ObjectRecord;
  heard(data: unknown): void;
  /** A node is there, or was when the line was opened. */
  joined(url: string): void;
  left(url: string): void;
}

/** Two kinds there are: by messages from node to node, and by a bucket in which all parts are kept. */
export interface Line {
  readonly session: LocalSession;
  /** Tells all other nodes what has changed: a whole part, or a single change in it. */
  broadcast(record: () => ObjectRecord): void;
  /** Sees to it that a node knows our part that may not. */
  greet(url: string): void;
  /** Asks a node for all of its part. */
  pull(url: string): void;
  /** Tells all of our part to a node that has asked. */
  answer(url: string): void;
  /** Nothing is heard any more. */
  hangUp(): void;
  /** Resolves when what was said is said. */
  close(): Promise<void>;
}

/**
 * By a bucket where the engine has buckets, by both while some nodes have none. Rejects when the security policy refuses the session,
 * which is named after `hint`, and with `BucketError` when the bucket cannot be had.
 */
export async function openLine(oort: Oort, name: string, hint: string, holder: LineHolder): Promise<Line> {
  const { buckets, isMoving } = oort.engine;
  if (!buckets) return MessageLine.open(oort, name, hint, holder);
  const bucket = await BucketLine.open(oort, buckets, name, hint, holder);
  if (!isMoving) return bucket;
  try {
    return new BothLines(bucket, await MessageLine.open(oort, name, hint, holder));
  } catch (error) {
    bucket.hangUp();
    await bucket.close();
    throw error;
  }
}
