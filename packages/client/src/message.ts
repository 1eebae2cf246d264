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
 * Gives replies without an id, or without a proper channel, those of the request they answer: some servers leave them
 * out. Answers the requests that have no reply among the messages.
 */
export function adopt(received: readonly Message[], requests: Iterable<Message>): Message[] {
  const open: Message[] = [...requests];
  const take = (fits: (request: Message) => boolean): Message | undefined => {
    const at = open.findIndex(fits);
    return at < 0 ? undefined : open.splice(at, 1)[0];
  };
  const nameless: Message[] = [];
  for (const message of received) {
    if (typeof message.channel !== 'string' || !message.channel) message.channel = '';
    const { id } = message;
    if (typeof id !== 'string' && typeof id !== 'number') {
      delete message.id;
      if (mayAnswer(message)) nameless.push(message);
      continue;
    }
    message.id = `${id}`;
    if (isEvent(message)) continue;
    const found = take((request) => request.id === message.id);
    // What has the id of a meta message and no data answers it, whatever channel it claims.
    if (found && message.channel !== found.channel && (isMeta(found) || !message.channel)) {
      if (message.data === undefined || !isMeta(found)) message.channel = found.channel;
      else open.push(found);
    }
  }
  for (const message of nameless) {
    const { channel, subscription } = message;
    const found = take(
      (request) =>
        (!channel || channel === request.channel) &&
        (subscription === undefined || subscription === request.subscription),
    );
    if (!found?.id) continue;
    message.id = found.id;
    message.channel = found.channel;
  }
  return open;
}

/** Whether a message is no answer: it has data, and does not say whether something succeeded. */
export function isEvent({ data, successful }: Message): boolean {
  return data !== undefined && successful === undefined;
}

/** A disconnect that says nothing of success is the server's own. */
function mayAnswer(message: Message): boolean {
  return !isEvent(message) && !(message.channel === '/meta/disconnect' && message.successful === undefined);
}

function isMeta({ channel }: Message): boolean {
  return channel.startsWith('/meta/');
}
