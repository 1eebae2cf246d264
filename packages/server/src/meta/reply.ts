/** How a meta handler says no. */
import { type BayeuxError, type BayeuxErrorCode, errorText } from '@cometd-ts/protocol';
import type { ServerMessage } from '../message.ts';

/** The reply tells an error of the table, with its arguments. */
export function refuse(reply: ServerMessage, code: BayeuxErrorCode, ...args: string[]): void {
  reply.successful = false;
  reply.error = errorText(code, ...args);
}

/** The reply tells what validation found. */
export function refuseWith(reply: ServerMessage, error: BayeuxError): void {
  reply.successful = false;
  reply.error = error.wire;
}

/** The session is unknown: those who asked to handshake or connect are told to handshake again. */
export function refuseUnknown(reply: ServerMessage, advise: boolean): void {
  refuse(reply, 'session_unknown');
  if (advise) reply.advice = { ...reply.advice, reconnect: 'handshake', interval: 0 };
}

/** Somebody's code stopped the message; if that code filled the reply in itself, its words stand. */
export function refuseDeleted(reply: ServerMessage): void {
  if (!reply.handled) refuse(reply, 'message_deleted');
}
