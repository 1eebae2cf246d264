/** What each error code means, for people: the error table of the reference. */
import { type BayeuxErrorCode, statuses } from './error.ts';

/** A row of the error table. */
export interface BayeuxErrorEntry {
  /** The three digits on the wire. */
  readonly status: number;
  /** The last part of the text on the wire. */
  readonly text: string;
  /** One sentence for people. */
  readonly meaning: string;
}

const meanings: Readonly<Record<BayeuxErrorCode, string>> = {
  channel_missing: 'The message has no channel, or the channel does not exist',
  message_invalid: 'A field of the message has the wrong type',
  limit_exceeded: 'The message is larger, or comes sooner, than a limit of the server allows; the arguments name it',
  version_unsupported: 'The peers have no protocol version in common',
  connection_types_unsupported: 'The peers have no connection type in common',
  session_unknown: 'The session does not exist, or is not the sender’s',
  handshake_denied: 'The security policy refused the handshake',
  handshake_failed: 'The session was not new when it shook hands',
  channel_create_denied: 'Publishing must not create this channel',
  create_denied: 'Subscribing must not create this channel',
  publish_denied: 'Publishing to this channel is not allowed',
  subscribe_denied: 'Subscribing to this channel is not allowed',
  subscription_missing: 'The message names no channel to subscribe to',
  subscription_invalid: 'The subscription is not a legal channel name',
  subscribe_failed: 'The channel did not take the subscriber',
  unsubscribe_failed: 'The channel did not let the subscriber go',
  message_deleted: 'An extension or a listener stopped the message',
  channel_invalid: 'The channel name is not legal here',
  message_id_invalid: 'The message id is not alphanumeric',
  timeout: 'The reply did not arrive in time',
  internal_error: 'The server failed to process this message; its log says why',
  overloaded: 'The server has too much to do for newcomers; its advice says when to come again, and where',
  error_unknown: 'The peer reported an error that has no name here',
};

/** Every code with its status, wire text and meaning. */
export const errorTable: Readonly<Record<BayeuxErrorCode, BayeuxErrorEntry>> = Object.freeze(
  Object.fromEntries(
    (Object.keys(meanings) as BayeuxErrorCode[]).map((code) => [
      code,
      Object.freeze({ status: statuses[code], text: code, meaning: meanings[code] }),
    ]),
  ) as Record<BayeuxErrorCode, BayeuxErrorEntry>,
);
