/** Bayeux errors: their codes, their text on the wire, and the way back from the text to the code. */

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
  | 'overloaded'
  | 'error_unknown';

/** The three digits of each code. */
export const statuses: Readonly<Record<BayeuxErrorCode, number>> = {
  channel_missing: 400,
  message_invalid: 400,
  limit_exceeded: 400,
  version_unsupported: 400,
  connection_types_unsupported: 400,
  session_unknown: 402,
  handshake_denied: 403,
  handshake_failed: 403,
  channel_create_denied: 403,
  create_denied: 403,
  publish_denied: 403,
  subscribe_denied: 403,
  subscription_missing: 403,
  subscription_invalid: 403,
  subscribe_failed: 403,
  unsubscribe_failed: 403,
  message_deleted: 404,
  channel_invalid: 405,
  message_id_invalid: 405,
  timeout: 406,
  internal_error: 500,
  overloaded: 503,
  error_unknown: 500,
};

/** Texts of CometD before version 5 and of Faye that are not just another spelling, in lower case and with `_`. */
const olderTexts: Readonly<Record<string, BayeuxErrorCode>> = {
  unknown_client: 'session_unknown',
  unknown_client_id: 'session_unknown',
  no_client_id: 'session_unknown',
  unknown_session: 'session_unknown',
  create_denied: 'channel_create_denied',
  subscription_denied: 'subscribe_denied',
  invalid_channel: 'channel_invalid',
  invalid_id: 'message_id_invalid',
  version_mismatch: 'version_unsupported',
  connection_types_not_supported: 'connection_types_unsupported',
};

/** Longer arguments are cut: an error text must not carry a whole payload back. */
const longestArgument = 255;

/**
 * Writes an error as it goes on the wire, such as `403:denied_by_security_policy:publish_denied`.
 * Commas, colons and control characters in arguments become `_`, so that the text parses back; long ones are cut.
 */
export function errorText(code: BayeuxErrorCode, ...args: string[]): string {
  const clean = args.map((arg) => arg.slice(0, longestArgument).replace(/[\p{Cc},:\u2028\u2029]/gu, '_'));
  return `${statuses[code]}:${clean.join(',')}:${code}`;
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
  const [, status, args, name] = /^(\d{3}):([^:]*):(.+)$/s.exec(text) ?? [];
  if (name === undefined) return undefined;
  const parsed = { status: Number(status), args: args ? args.split(',') : [], text: name };
  const code = codeOf(name);
  return code ? { ...parsed, code } : parsed;
}

function codeOf(text: string): BayeuxErrorCode | undefined {
  if (Object.hasOwn(statuses, text)) return text as BayeuxErrorCode;
  const plain = text.toLowerCase().replaceAll(' ', '_');
  if (Object.hasOwn(olderTexts, plain)) return olderTexts[plain];
  return Object.hasOwn(statuses, plain) ? (plain as BayeuxErrorCode) : undefined;
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
    super(wire || code, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = (options.wire === undefined ? undefined : parseError(wire)?.status) ?? statuses[code];
    this.args = args;
    this.wire = wire;
  }

  /** The error that a peer reported. A text nobody here knows gets the code `error_unknown`, and is kept as it is. */
  static from(text: string): BayeuxError {
    const parsed = parseError(text);
    return new BayeuxError(parsed?.code ?? 'error_unknown', parsed?.args ?? [], { wire: text });
  }
}
