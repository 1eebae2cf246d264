/** Messages as the tests see and write them, and the replies of a server that agrees with everything. */

export interface Failure {
  message?: Message | undefined;
  reason?: string | undefined;
  exception?: unknown | undefined;
  httpCode?: number | undefined;
  websocketCode?: number | undefined;
  connectionType?: string | undefined;
  transport?: unknown | undefined;
}

export interface Message {
  id?: string | undefined;
  channel?: string | undefined;
  clientId?: string | null | undefined;
  successful?: boolean | undefined;
  subscription?: string | undefined;
  error?: string | undefined;
  data?: unknown | undefined;
  advice?: Record<string, unknown> | undefined;
  ext?: Record<string, unknown> | undefined;
  supportedConnectionTypes?: string[] | undefined;
  connectionType?: string | undefined;
  version?: string | undefined;
  minimumVersion?: string | undefined;
  reestablish?: boolean | undefined;
  failure?: Failure | undefined;
  [field: string]: unknown;
}

/** The reply of a server that agrees; `fields` say otherwise. A field of `undefined` is left out of the JSON. */
export function replyTo(message: Message, fields: Message = {}): Message {
  const reply: Message = { id: message.id as string, channel: message.channel as string, successful: true };
  if (message.channel === '/meta/handshake') {
    reply.version = '1.0';
    reply.supportedConnectionTypes = ['websocket', 'long-polling', 'callback-polling'];
    reply.clientId = 'client-1';
  }
  if (message.subscription !== undefined) reply.subscription = message.subscription;
  return { ...reply, ...fields };
}
