/** How much a peer may send at once: one table, checked in one place, before anything recursive sees the value. */

/** Limits on one payload and on the messages in it. The size of a payload in bytes is the transport's to check. */
export interface Limits {
  /** Messages in one payload. Default 100. */
  readonly maxMessages: number;
  /** Nesting of objects and arrays in one message, which is itself level 1. Default 64, at most 512. */
  readonly maxDepth: number;
  /** Members of one object, repeated names counted. Default 1000. */
  readonly maxKeys: number;
  /** JSON values in one payload: objects, arrays, strings, numbers, literals; names are not counted. Default 20000. */
  readonly maxNodes: number;
  /** Characters of a channel name. Default 255. */
  readonly maxChannelLength: number;
  /** Segments of a channel name. Default 32. */
  readonly maxChannelSegments: number;
  /** Channels in the `subscription` of one message. Default 100. */
  readonly maxSubscriptions: number;
  /** Characters of a message id. Default 64. */
  readonly maxIdLength: number;
}

/** The name of a limit, as options and error replies give it. */
export type LimitName = keyof Limits;

/** Deeper values make `JSON.stringify` run out of stack at a depth that depends on the caller. */
const deepest = 512;

/** The limits when nothing else is said. */
export const defaultLimits: Limits = Object.freeze({
  maxMessages: 100,
  maxDepth: 64,
  maxKeys: 1000,
  maxNodes: 20_000,
  maxChannelLength: 255,
  maxChannelSegments: 32,
  maxSubscriptions: 100,
  maxIdLength: 64,
});

/** Completes limits with the defaults. Throws `RangeError` that names the limit which is not a positive integer. */
export function resolveLimits(partial: Partial<Limits> = {}): Limits {
  const limits: Record<LimitName, number> = { ...defaultLimits };
  for (const name of Object.keys(partial)) {
    if (!Object.hasOwn(defaultLimits, name)) throw new RangeError(`There is no limit named ${name}`);
    const value = partial[name as LimitName];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} must be a positive integer`);
    limits[name as LimitName] = value;
  }
  if (limits.maxDepth > deepest) throw new RangeError(`maxDepth must be at most ${deepest}`);
  return Object.freeze(limits);
}
