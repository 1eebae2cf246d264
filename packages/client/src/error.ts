/** Why a promise of the typed client was rejected: the server said no, or the world got in the way. */
import { BayeuxError } from '@cometd-ts/protocol';
import type { Message } from './message.ts';

/** What went wrong when it was not the server that refused. Match on it. */
export type ClientErrorCode =
  | 'timeout'
  | 'network'
  | 'http'
  | 'closed'
  | 'aborted'
  | 'disconnected'
  | 'too_large'
  | 'message_deleted'
  | 'negotiation'
  | 'unauthorized'
  | 'overflow';

export interface ClientErrorOptions {
  /** Whether the message certainly stayed here, or perhaps reached the server. Default `no`. */
  sent?: 'no' | 'perhaps' | undefined;
  httpCode?: number | undefined;
  websocketCode?: number | undefined;
  cause?: unknown;
}

/** A message that failed on its way, or a wait that ended. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError';
  readonly code: ClientErrorCode;
  /** `no`: certainly not sent, so sending it again is safe. `perhaps`: the server may have had it. */
  readonly sent: 'no' | 'perhaps';
  /** The status of an HTTP response that was not 200. */
  readonly httpCode: number | undefined;
  /** The code a WebSocket closed with. */
  readonly websocketCode: number | undefined;

  constructor(code: ClientErrorCode, message: string, options: ClientErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.sent = options.sent ?? 'no';
    this.httpCode = options.httpCode;
    this.websocketCode = options.websocketCode;
  }
}

/** The error that an unsuccessful message stands for. */
export function errorOf(message: Message): BayeuxError | ClientError {
  const { error, failure } = message;
  if (!failure) return BayeuxError.from(typeof error === 'string' ? error : '');
  const { reason, exception, httpCode, websocketCode, sent } = failure;
  const options = { sent, httpCode, websocketCode, cause: exception };
  if (reason === 'Deleted') return new ClientError('message_deleted', 'An extension deleted the message', options);
  const detail = reason || (exception instanceof Error ? exception.message : '') || message.channel;
  if (error?.startsWith('406') || /expired|timeout/i.test(`${reason}`))
    return new ClientError('timeout', `No reply in time: ${detail}`, options);
  if (/exceeded|too big/.test(`${exception}`)) return new ClientError('too_large', detail, options);
  if (reason === 'Disconnected') return new ClientError('disconnected', 'The client is disconnected', options);
  if (reason === 'Abort' || reason === 'abort') return new ClientError('aborted', 'The client was aborted', options);
  if (reason?.startsWith('Could not negotiate')) return new ClientError('negotiation', detail, options);
  if (websocketCode !== undefined)
    return new ClientError('closed', `The WebSocket closed with ${websocketCode}: ${detail}`, options);
  if (httpCode !== undefined && httpCode > 0)
    return new ClientError('http', `HTTP status ${httpCode}: ${detail}`, options);
  return new ClientError('network', `The server was not reached: ${detail}`, options);
}

/** Whether the server does not know the session any more, in the spelling of any server. */
export function isUnknownSession(error: unknown): boolean {
  return typeof error === 'string' && /^402\b|unknown[ _](client|session)|session_unknown/i.test(error);
}
