/** The messages of distributed objects as they travel; Java nodes write and read the same. */
import type { Info } from './info.ts';

const PUSH = 'oort.object.push';
const PULL = 'oort.object.pull';

export type ObjectRecord = Readonly<Record<`oort.info.${string}`, unknown>>;

/** What was heard: a node asks for our part, tells all of its own, or a single change in it. */
export type Heard =
  | { readonly kind: 'pull'; readonly url: string }
  | {
      readonly kind: 'whole';
      readonly url: string;
      readonly version: number;
      readonly object: unknown;
      /** Whether it was sent to this node alone. */
      readonly isPush: boolean;
      /** The node it answers; null when it answers nobody. */
      readonly peer: string | null;
    }
  | {
      readonly kind: 'item';
      readonly url: string;
      readonly version: number;
      readonly object: unknown;
      readonly type: string;
      readonly action: string;
    };

/** All of a part. */
export function wholeRecord({ url, name, version }: Info<unknown>, object: unknown): ObjectRecord {
  return {
    'oort.info.url': url,
    'oort.info.name': name,
    'oort.info.object': object,
    'oort.info.version': version,
  };
}

/** All of a part for one node; `peer` is the node it answers, undefined when it answers nobody. */
export function pushRecord(whole: ObjectRecord, peer: string | undefined): ObjectRecord {
  const push: ObjectRecord = { ...whole, 'oort.info.action': PUSH };
  return peer === undefined ? push : { ...push, 'oort.info.peer': peer };
}

export function pullRecord(url: string, name: string): ObjectRecord {
  return { 'oort.info.url': url, 'oort.info.name': name, 'oort.info.action': PULL };
}

/** A single change; the version of `info` is the one it makes. */
export function itemRecord(
  { url, name, version }: Info<unknown>,
  type: string,
  action: string,
  object: unknown,
): ObjectRecord {
  return {
    'oort.info.url': url,
    'oort.info.name': name,
    'oort.info.type': type,
    'oort.info.action': action,
    'oort.info.version': version,
    'oort.info.object': object,
  };
}

/** Whether it tells a single change, not a whole part. */
export function isItem(record: ObjectRecord): boolean {
  return record['oort.info.type'] !== undefined;
}

/** The version it makes. */
export function versionOf(record: ObjectRecord): number {
  const { 'oort.info.version': version } = record;
  return isVersion(version) ? version : -1;
}

/** What arrived, or null when it is no message of the object of this name. */
export function readRecord(data: unknown, name: string): Heard | null {
  if (typeof data !== 'object' || data === null) return null;
  const fields = data as ObjectRecord;
  const { 'oort.info.url': url, 'oort.info.action': action, 'oort.info.version': version } = fields;
  if (typeof url !== 'string' || fields['oort.info.name'] !== name) return null;
  if (action === PULL) return { kind: 'pull', url };
  const { 'oort.info.object': object, 'oort.info.type': type, 'oort.info.peer': peer } = fields;
  if (!isVersion(version) || object === undefined) return null;
  if (type !== undefined) {
    if (typeof type !== 'string' || typeof action !== 'string') return null;
    return { kind: 'item', url, version, object, type, action };
  }
  const isPush = action === PUSH;
  if (!isPush && action !== undefined && action !== null) return null;
  return { kind: 'whole', url, version, object, isPush, peer: typeof peer === 'string' ? peer : null };
}

function isVersion(version: unknown): version is number {
  return Number.isSafeInteger(version) && (version as number) >= 0;
}
