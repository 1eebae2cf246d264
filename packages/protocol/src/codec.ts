/** Between the text of a payload and its messages. All limits hold before anything recursive sees a value. */
import { dataTexts } from './data-text.ts';
import type { JSONContext } from './json-context.ts';
import type { LimitName, Limits } from './limits.ts';
import type { Message } from './message.ts';
import { scan, type Tally } from './scan.ts';

/** Why a payload as a whole was refused. */
export type PayloadErrorCode = 'json_invalid' | 'envelope_invalid' | 'limit_exceeded';

/** A payload that was refused as a whole: none of its messages may be processed. Match on `code`. */
export class PayloadError extends Error {
  override readonly name: string = 'PayloadError';
  readonly code: PayloadErrorCode;
  /** The limit that was exceeded, when `code` is `limit_exceeded`. */
  readonly limit?: LimitName;

  constructor(code: PayloadErrorCode, message: string, options: { limit?: LimitName; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    if (options.limit !== undefined) this.limit = options.limit;
  }
}

/** How payloads are decoded. */
export interface DecodeOptions {
  readonly json: JSONContext;
  readonly limits: Limits;
}

/** A payload taken apart. */
export interface Decoded {
  /** At least one. Plain objects, whose fields nobody has looked at yet: `validate` does. */
  readonly messages: Message[];
  /**
   * The exact source text of each message's `data`, where encoding it again would change a number; `encode` takes it.
   * Undefined when no message needs it.
   */
  readonly dataTexts: readonly (string | undefined)[] | undefined;
}

/**
 * Decodes a payload: an array of messages, or one message. Throws `PayloadError` for everything else, and for payloads
 * over a limit; also when a convertor throws, which is the `cause` then. Of members with the same name the last one
 * counts, everywhere.
 */
export function decode(text: string, options: DecodeOptions): Decoded {
  const tally = newTally();
  check(text, options.limits, tally);
  const messages = parse(text, options.json);
  return { messages, dataTexts: tally.inexact ? kept(dataTexts(text)) : undefined };
}

/** Decodes a payload in several texts, as a form with several `message` fields. The limits hold for their sum. */
export function decodeAll(texts: readonly string[], options: DecodeOptions): Decoded {
  if (texts.length === 0) throw new PayloadError('envelope_invalid', 'The payload has no message');
  const tally = newTally();
  for (const text of texts) check(text, options.limits, tally);
  const messages = texts.flatMap((text) => parse(text, options.json));
  return { messages, dataTexts: tally.inexact ? kept(texts.flatMap(dataTexts)) : undefined };
}

function newTally(): Tally {
  return { messages: 0, nodes: 0, inexact: false };
}

function check(text: string, limits: Limits, tally: Tally): void {
  const limit = scan(text, limits, tally);
  if (limit === undefined) return;
  throw new PayloadError('limit_exceeded', `The payload exceeds ${limit}, which is ${limits[limit]}`, { limit });
}

function parse(text: string, json: JSONContext): Message[] {
  let value: unknown;
  try {
    value = json.parse(text);
  } catch (cause) {
    // The parser's own words quote the payload, which may hold secrets: they stay in the cause.
    throw new PayloadError('json_invalid', 'The payload cannot be read as JSON', { cause });
  }
  const messages: unknown[] = Array.isArray(value) ? value : [value];
  if (messages.length === 0) throw new PayloadError('envelope_invalid', 'The payload has no message');
  for (const message of messages) {
    if (!isPlainObject(message)) throw new PayloadError('envelope_invalid', 'A message must be a JSON object');
  }
  return messages as Message[];
}

/** Whether a value is an object such as JSON has: no array, and no instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function kept(texts: (string | undefined)[]): (string | undefined)[] | undefined {
  return texts.some((text) => text !== undefined) ? texts : undefined;
}

/**
 * Encodes one message. With the source text of its data, the message carries that text to the character, unless
 * somebody has changed the data since. Throws what the context throws for values without a JSON form.
 */
export function encode(message: Message, json: JSONContext, dataText?: string): string {
  if (dataText === undefined || !isUnchanged(message.data, json, dataText)) return json.generate(message);
  const { data: _, ...others } = message;
  const text = json.generate(others);
  return `${text === '{}' ? '{' : `${text.slice(0, -1)},`}"data":${dataText}}`;
}

function isUnchanged(data: unknown, json: JSONContext, dataText: string): boolean {
  return data !== undefined && json.generate(data) === json.generate(json.parse(dataText));
}

/** Puts encoded messages into one payload. */
export function join(texts: readonly string[]): string {
  return `[${texts.join(',')}]`;
}
