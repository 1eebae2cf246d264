/** Messages as clients see them, and what is known about one that failed. */
import type { Message as Wire } from '@cometd-ts/protocol';

/** Why a message failed on the way. */
export interface Failure {
  /** The message that failed. */
  message?: Message;
  connectionType?: string;
  reason?: string;
  exception?: unknown;
  httpCode?: number;
  websocketCode?: number;
  /** The XMLHttpRequest or the WebSocket that carried it. */
  transport?: unknown;
  /** Whether the message certainly stayed here, or perhaps reached the server. */
  sent?: 'no' | 'perhaps';
  [field: string]: unknown;
}

/** A message that was received, or a failed one that was made here. */
export interface Message<Data = unknown> extends Wire<Data> {
  failure?: Failure;
  /** On handshake replies: whether an earlier handshake had succeeded before. */
  reestablish?: boolean;
}

/** A message on its way out. */
export type Outgoing = Message;

export type Callback = (message: Message) => void;

/** Messages that travel together. */
export interface Envelope {
  url: string;
  sync: false;
  messages: Message[];
  onSuccess(messages: Message[]): void;
  onFailure(conduit: unknown, messages: Message[], failure: Failure): void;
}

/**
 * Gives replies without an id, or without a channel, those of the request they answer. Some servers leave them out.
 * Answers the requests that have no reply among the messages.
 */
export function adopt(received: readonly Message[], requests: Iterable<Message>): Message[] {
  const open: Message[] = [...requests];
  const take = (fits: (request: Message) => boolean): Message | undefined => {
    const at = open.findIndex(fits);
    return at < 0 ? undefined : open.splice(at, 1)[0];
  };
  for (const message of received) {
    const { id, channel } = message;
    if (id !== undefined && id !== null) {
      message.id = String(id);
      const found = take((request) => request.id === message.id && (!channel || answers(channel, request.channel)));
      if (found && !channel) message.channel = found.channel;
    }
  }
  for (const message of received) {
    const { id, channel } = message;
    if ((id !== undefined && id !== null) || (message.data !== undefined && message.successful === undefined)) continue;
    if (message.successful === undefined && channel === '/meta/disconnect') continue;
    const found = take(
      (request) =>
        (!channel || channel === request.channel) &&
        (message.subscription === undefined || message.subscription === request.subscription),
    );
    if (!found?.id) continue;
    message.id = found.id;
    message.channel = found.channel;
  }
  return open;
}

/** Whether a message on a channel can answer a request on another. Channels of a meta request must be the same. */
function answers(channel: string, requested: string): boolean {
  return channel === requested || !requested.startsWith('/meta/');
}
