/** Filters that rewrite the data of what is published to a channel, or stop it. */
import type { ChannelEvents, ServerChannel, ServerSession } from '../api.ts';

/**
 * Answers the data that goes on: the same, or other data; what it was given it must not change. Null stops the message,
 * and so does an exception.
 */
export type DataFilter = (data: unknown, from: ServerSession | null, channel: ServerChannel) => unknown;

export interface FilterOptions {
  /** Called with what a filter throws. Default writes it to the console. */
  readonly failed?: (error: unknown) => void;
}

/**
 * A listener for the event `message` of a channel, or of a wildcard channel. It passes data through the filters one after
 * another. A message that a filter stops is answered with `404::message_deleted`; messages without data pass.
 *
 * @example
 * server.createChannelIfAbsent('/chat/*').channel.addListener('message', filterData([noMarkup()]));
 */
export function filterData(filters: readonly DataFilter[], options: FilterOptions = {}): ChannelEvents['message'] {
  const { failed = (error) => console.error('A data filter failed', error) } = options;
  return (from, channel, message) => {
    if (message.data === undefined || message.data === null) return true;
    let data: unknown = message.data;
    try {
      for (const filter of filters) {
        data = filter(data, from, channel);
        if (data === null || data === undefined) return false;
      }
    } catch (error) {
      // Data that was not filtered must not pass.
      failed(error);
      return false;
    }
    if (data !== message.data) message.data = data;
    return true;
  };
}

/** What is done with the values inside of data. A missing one leaves such values alone; null stops the message. */
export interface JSONLeaves {
  string?(value: string): string | null;
  number?(value: number): number | null;
  boolean?(value: boolean): boolean | null;
}

class Stopped extends Error {}

/** A filter for all strings, numbers and booleans in data, however deep in objects and arrays; keys stay as they are. */
export function filterJSON(leaves: JSONLeaves): DataFilter {
  const leaf = <Value>(value: Value, change: ((value: Value) => Value | null) | undefined): Value => {
    const changed = change ? change(value) : value;
    if (changed === null || changed === undefined) throw new Stopped();
    return changed;
  };
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return leaf(value, leaves.string?.bind(leaves));
    if (typeof value === 'number') return leaf(value, leaves.number?.bind(leaves));
    if (typeof value === 'boolean') return leaf(value, leaves.boolean?.bind(leaves));
    if (Array.isArray(value)) {
      const items = value.map(walk);
      return items.some((item, index) => item !== value[index]) ? items : value;
    }
    if (!isPlain(value)) return value;
    const entries = Object.entries(value);
    const walked = entries.map(([key, inner]): [string, unknown] => [key, walk(inner)]);
    // Defined properties, because one of a name like __proto__ must stay data.
    return walked.some(([, inner], index) => inner !== entries[index]?.[1]) ? Object.fromEntries(walked) : value;
  };
  return (data) => {
    try {
      return walk(data);
    } catch (error) {
      if (error instanceof Stopped) return null;
      throw error;
    }
  };
}

/** Writes `<` and `>` in strings as `&lt;` and `&gt;`. */
export function noMarkup(): DataFilter {
  return filterJSON({ string: (text) => text.replaceAll('<', '&lt;').replaceAll('>', '&gt;') });
}

/** Makes the tag `script` in strings a `span`. A page that shows strangers' HTML needs more than this: a sanitizer. */
export function noScripts(): DataFilter {
  return filterJSON({
    string: (text) => text.replace(/<\s*script/gi, '<span').replace(/script\s*>/gi, 'span>'),
  });
}

/** A pattern, and what takes the place of its matches; null stops a message when a string matches as a whole. */
export type ReplaceRule = readonly [pattern: RegExp, replacement: string | null];

/**
 * Replaces what matches in strings, rule after rule, wherever it occurs. A replacement may use `$1` and the like.
 *
 * @example
 * replaceMatches([[/\b\d{16}\b/, "(card number)"], [/spam/i, null]]);
 */
export function replaceMatches(rules: readonly ReplaceRule[]): DataFilter {
  const all = rules.map(([pattern, replacement]) => ({
    every: new RegExp(pattern.source, withFlag(pattern.flags, 'g')),
    whole: new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, '')),
    replacement,
  }));
  return filterJSON({
    string: (text) => {
      let current = text;
      for (const { every, whole, replacement } of all) {
        if (replacement === null) {
          if (whole.test(current)) return null;
        } else current = current.replace(every, replacement);
      }
      return current;
    },
  });
}

function withFlag(flags: string, flag: string): string {
  return flags.includes(flag) ? flags : flags + flag;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
