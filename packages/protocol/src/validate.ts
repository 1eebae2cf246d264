/** From `unknown` to a message: checks and tidies the fields of one decoded message. Good messages cost no allocation. */
import { ChannelId } from './channel-id.ts';
import { isPlainObject } from './codec.ts';
import { BayeuxError } from './error.ts';
import type { LimitName, Limits } from './limits.ts';
import { isMeta, type Message } from './message.ts';

/** How messages are validated. */
export interface ValidateOptions {
  readonly limits: Limits;
  /** Checks the characters of channel names and ids. Types, limits and shapes are checked always. */
  readonly checkFields: boolean;
}

/** More connection types than that nobody has. */
const mostConnectionTypes = 100;

const anyCharacter = { anyCharacter: true } as const;
const bayeuxCharacters = { anyCharacter: false } as const;

/**
 * Checks the fields of a message that came from a peer, and answers the error to reply with, or undefined.
 *
 * Null counts as absent, except in `data`, and absent members are removed. A number as `id` becomes a string. Fields of
 * the wrong type that a message can do without (connectionType, version, timestamp and the like) are removed.
 * `subscription` is left to `subscriptionsOf`; what `ext`, `advice` and `data` contain is left to those who read it.
 */
export function validate(message: Message, options: ValidateOptions): BayeuxError | undefined {
  // The id becomes a string first: a reply about the channel carries it, too.
  const badId = idProblem(message, options);
  return (
    channelProblem(message, options) ??
    badId ??
    clientIdProblem(message) ??
    objectProblem(message, 'ext') ??
    objectProblem(message, 'advice') ??
    tidy(message)
  );
}

function channelProblem(message: Message, { limits, checkFields }: ValidateOptions): BayeuxError | undefined {
  const channel: unknown = message.channel;
  if (channel === undefined || channel === null) return new BayeuxError('channel_missing');
  if (typeof channel !== 'string') return new BayeuxError('channel_invalid');
  const limit = channelLimit(channel, limits);
  if (limit !== undefined) return exceeded(limit, limits);
  if (ChannelId.problem(channel, checkFields ? bayeuxCharacters : anyCharacter) !== undefined) {
    return new BayeuxError('channel_invalid');
  }
  return isWild(channel) && !isMeta(channel) ? new BayeuxError('channel_invalid') : undefined;
}

/** A legal name is a wildcard if it ends like one. */
function isWild(channel: string): boolean {
  return channel.endsWith('/*') || channel.endsWith('/**');
}

/** The limit that a name exceeds. Counts segments only in names long enough to have too many. */
function channelLimit(channel: string, limits: Limits): LimitName | undefined {
  if (channel.length > limits.maxChannelLength) return 'maxChannelLength';
  if (channel.length <= limits.maxChannelSegments) return undefined;
  let segments = 0;
  for (let at = channel.indexOf('/'); at >= 0; at = channel.indexOf('/', at + 1)) segments++;
  return segments > limits.maxChannelSegments ? 'maxChannelSegments' : undefined;
}

function exceeded(limit: LimitName, limits: Limits): BayeuxError {
  return new BayeuxError('limit_exceeded', [limit, String(limits[limit])]);
}

function idProblem(message: Message, { limits, checkFields }: ValidateOptions): BayeuxError | undefined {
  const id: unknown = message.id;
  if (typeof id !== 'string') {
    if (id === undefined) return undefined;
    if (id === null) {
      delete message.id;
      return undefined;
    }
    // A larger integer has lost digits already: its echo would name another message.
    if (typeof id !== 'number' || Math.abs(id) > Number.MAX_SAFE_INTEGER) return new BayeuxError('message_id_invalid');
    message.id = String(id);
    return idProblem(message, { limits, checkFields });
  }
  if (id.length > limits.maxIdLength) return exceeded('maxIdLength', limits);
  if (id.length === 0) return new BayeuxError('message_id_invalid');
  return checkFields && !isAlphanumeric(id) ? new BayeuxError('message_id_invalid') : undefined;
}

function isAlphanumeric(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    const letter = unit | 0x20;
    if (!((unit >= 0x30 && unit <= 0x39) || (letter >= 0x61 && letter <= 0x7a && unit < 0x80))) return false;
  }
  return true;
}

function clientIdProblem(message: Message): BayeuxError | undefined {
  const clientId: unknown = message.clientId;
  if (typeof clientId === 'string' || clientId === undefined) return undefined;
  if (clientId !== null) return new BayeuxError('session_unknown');
  delete message.clientId;
  return undefined;
}

function objectProblem(message: Message, field: 'ext' | 'advice'): BayeuxError | undefined {
  const value: unknown = message[field];
  if (value === undefined || isPlainObject(value)) return undefined;
  if (value !== null) return new BayeuxError('message_invalid', [field]);
  delete message[field];
  return undefined;
}

/** Removes dispensable fields that have the wrong type, so that whoever reads them later can trust the type. */
function tidy(message: Message): undefined {
  if (!isOptionalString(message.connectionType)) delete message.connectionType;
  if (!isOptionalString(message.version)) delete message.version;
  if (!isOptionalString(message.minimumVersion)) delete message.minimumVersion;
  if (!isOptionalString(message.timestamp)) delete message.timestamp;
  if (!isOptionalString(message.error)) delete message.error;
  if (message.successful !== undefined && typeof message.successful !== 'boolean') delete message.successful;
  const queued: unknown = message['x-messages'];
  if (queued !== undefined && typeof queued !== 'number') delete message['x-messages'];
  const types: unknown = message.supportedConnectionTypes;
  if (types !== undefined && !isConnectionTypes(types)) delete message.supportedConnectionTypes;
  return undefined;
}

function isOptionalString(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

/** Only a real array will do: of something array-like a peer could choose the length. */
function isConnectionTypes(value: unknown): boolean {
  return Array.isArray(value) && value.length <= mostConnectionTypes && value.every(isString);
}

function isString(value: unknown): boolean {
  return typeof value === 'string';
}

/**
 * The channels a subscribe or unsubscribe message names, all of them legal; or the error to reply with. An element of
 * an array that is to blame is named in the error's arguments.
 */
export function subscriptionsOf(
  message: Message,
  limits: Limits,
  options: { readonly checkFields?: boolean } = {},
): readonly string[] | BayeuxError {
  const subscription: unknown = message.subscription;
  if (subscription === undefined || subscription === null) return new BayeuxError('subscription_missing');
  const isArray = Array.isArray(subscription);
  const names: readonly unknown[] = isArray ? subscription : [subscription];
  if (names.length === 0) return new BayeuxError('subscription_invalid');
  if (names.length > limits.maxSubscriptions) return exceeded('maxSubscriptions', limits);
  const characters = options.checkFields === false ? anyCharacter : bayeuxCharacters;
  for (const name of names) {
    if (typeof name !== 'string') return new BayeuxError('subscription_invalid');
    const limit = channelLimit(name, limits);
    if (limit !== undefined) return exceeded(limit, limits);
    if (ChannelId.problem(name, characters) !== undefined) {
      return new BayeuxError('subscription_invalid', isArray ? [name] : []);
    }
  }
  return names as readonly string[];
}
