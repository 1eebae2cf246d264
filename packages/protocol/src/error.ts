/** Bayeux errors: one table of codes, their text on the wire, and the way back from the text to the code. */

/** What can go wrong in an exchange of Bayeux messages. */
export type BayeuxErrorCode =
  | 'channel_missing'
  | 'message_invalid'
  | 'limit_exceeded'
  | 'version_unsupported'
  | 'connection_types_unsupported'
  | 'session_unknown'
  | 'handshake_denied'
  | 'handshake_failed'
  | 'channel_create_denied'
  | 'create_denied'
  | 'publish_denied'
  | 'subscribe_denied'
  | 'subscription_missing'
  | 'subscription_invalid'
  | 'subscribe_failed'
  | 'unsubscribe_failed'
  | 'message_deleted'
  | 'channel_invalid'
  | 'message_id_invalid'
  | 'timeout'
  | 'internal_error'
  | 'error_unknown';

/** A row of the error table. */
export interface BayeuxErrorEntry {
  /** The three digits on the wire. */
  readonly status: number;
  /** The last part of the text on the wire. */
  readonly text: string;
  /** One sentence for people. */
  readonly meaning: string;
}

/** Every code with its status, wire text and meaning. */
export const errorTable: Readonly<Record<BayeuxErrorCode, BayeuxErrorEntry>> = Object.freeze({
  channel_missing: entry(400, 'channel_missing', 'The message has no channel, or the channel does not exist'),
  message_invalid: entry(400, 'message_invalid', 'A field of the message has the wrong type'),
  limit_exceeded: entry(400, 'limit_exceeded', 'The message is larger than a limit of the server allows'),
  version_unsupported: entry(400, 'version_unsupported', 'The peers have no protocol version in common'),
  connection_types_unsupported: entry(
    400,
    'connection_types_unsupported',
    'The peers have no connection type in common',
  ),
  session_unknown: entry(402, 'session_unknown', 'The session does not exist, or is not the sender’s'),
  handshake_denied: entry(403, 'handshake_denied', 'The security policy refused the handshake'),
  handshake_failed: entry(403, 'handshake_failed', 'The session was not new when it shook hands'),
  channel_create_denied: entry(403, 'channel_create_denied', 'Publishing must not create this channel'),
  create_denied: entry(403, 'create_denied', 'Subscribing must not create this channel'),
  publish_denied: entry(403, 'publish_denied', 'Publishing to this channel is not allowed'),
  subscribe_denied: entry(403, 'subscribe_denied', 'Subscribing to this channel is not allowed'),
  subscription_missing: entry(403, 'subscription_missing', 'The message names no channel to subscribe to'),
  subscription_invalid: entry(403, 'subscription_invalid', 'The subscription is not a legal channel name'),
  subscribe_failed: entry(403, 'subscribe_failed', 'The channel did not take the subscriber'),
  unsubscribe_failed: entry(403, 'unsubscribe_failed', 'The channel did not let the subscriber go'),
  message_deleted: entry(404, 'message_deleted', 'An extension or a listener stopped the message'),
  channel_invalid: entry(405, 'channel_invalid', 'The channel name is not legal here'),
  message_id_invalid: entry(405, 'message_id_invalid', 'The message id is not alphanumeric'),
  timeout: entry(406, 'timeout', 'The reply did not arrive in time'),
  internal_error: entry(500, 'internal_error', 'The server failed to process this message; its log says why'),
  error_unknown: entry(500, 'error_unknown', 'The peer reported an error that has no name here'),
});

function entry(status: number, text: string, meaning: string): BayeuxErrorEntry {
  return Object.freeze({ status, text, meaning });
}

/** Texts of CometD before version 5 and of Faye, in lower case. */
const olderTexts: ReadonlyArray<readonly [text: string, code: BayeuxErrorCode]> = [
  ['unknown client', 'session_unknown'],
  ['unknown client id', 'session_unknown'],
  ['no client id', 'session_unknown'],
  ['unknown_session', 'session_unknown'],
  ['message deleted', 'message_deleted'],
  ['handshake denied', 'handshake_denied'],
  ['create denied', 'channel_create_denied'],
  ['publish denied', 'publish_denied'],
  ['subscription denied', 'subscribe_denied'],
  ['channel missing', 'channel_missing'],
  ['invalid_channel', 'channel_invalid'],
  ['invalid channel', 'channel_invalid'],
  ['invalid_id', 'message_id_invalid'],
  ['version mismatch', 'version_unsupported'],
  ['connection types not supported', 'connection_types_unsupported'],
];

const codes: ReadonlyMap<string, BayeuxErrorCode> = new Map([
  ...(Object.keys(errorTable) as BayeuxErrorCode[]).map((code) => [errorTable[code].text, code] as const),
  ...olderTexts,
]);

/** Longer arguments are cut: an error text must not carry a whole payload back. */
const longestArgument = 255;

/**
 * Writes an error as it goes on the wire, such as `403:denied_by_security_policy:publish_denied`.
 * Commas, colons and control characters in arguments become `_`, so that the text parses back; long ones are cut.
 */
export function errorText(code: BayeuxErrorCode, ...args: string[]): string {
  const { status, text } = errorTable[code];
  return `${status}:${args.map(argument).join(',')}:${text}`;
}

function argument(value: string): string {
  let clean = '';
  const end = Math.min(value.length, longestArgument);
  for (let index = 0; index < end; index++) {
    clean += separates(value.charCodeAt(index)) ? '_' : value.charAt(index);
  }
  return clean;
}

/** Comma, colon, C0 and C1 controls, and the two Unicode line ends. */
function separates(unit: number): boolean {
  return unit < 0x20 || unit === 0x2c || unit === 0x3a || (unit >= 0x7f && unit <= 0x9f) || (unit | 1) === 0x2029;
}

/** An error text taken apart. */
export interface ParsedError {
  readonly status: number;
  readonly args: string[];
  readonly text: string;
  /** The code, when the text is one of the table's or an older spelling of it. */
  readonly code?: BayeuxErrorCode;
}

/** Takes an error text apart: three digits, arguments, text. Undefined when it has another form. */
export function parseError(text: string): ParsedError | undefined {
  for (let index = 0; index < 3; index++) if (!isDigit(text.charCodeAt(index))) return undefined;
  if (text.charAt(3) !== ':') return undefined;
  const colon = text.indexOf(':', 4);
  if (colon < 0 || colon === text.length - 1) return undefined;
  const args = colon === 4 ? [] : text.slice(4, colon).split(',');
  const parsed = { status: Number(text.slice(0, 3)), args, text: text.slice(colon + 1) };
  const code = codes.get(parsed.text) ?? codes.get(parsed.text.toLowerCase());
  return code === undefined ? parsed : { ...parsed, code };
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

/** How a `BayeuxError` came about. */
export interface BayeuxErrorOptions {
  /** What made it fail. */
  readonly cause?: unknown;
  /** The text a peer sent; made from the code and the arguments when absent. */
  readonly wire?: string;
}

/** A failed exchange: what a server replies with, and what a client's promise rejects with. Match on `code`. */
export class BayeuxError extends Error {
  override readonly name: string = 'BayeuxError';
  readonly code: BayeuxErrorCode;
  /** The three digits: those the peer sent, or the code's own. */
  readonly status: number;
  readonly args: readonly string[];
  /** The text on the wire; of an error that was received, exactly as it was received. */
  readonly wire: string;

  constructor(code: BayeuxErrorCode, args: readonly string[] = [], options: BayeuxErrorOptions = {}) {
    const wire = options.wire ?? errorText(code, ...args);
    super(`${errorTable[code].meaning} (${wire})`, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = (options.wire === undefined ? undefined : parseError(wire)?.status) ?? errorTable[code].status;
    this.args = args;
    this.wire = wire;
  }

  /** The error that a peer reported. A text nobody here knows gets the code `error_unknown`, and is kept as it is. */
  static from(text: string): BayeuxError {
    const parsed = parseError(text);
    return new BayeuxError(parsed?.code ?? 'error_unknown', parsed?.args ?? [], { wire: text });
  }
}
