/** Bayeux messages as types: the open envelope of every message, and the union of the kinds the protocol knows. */

/** What a client is to do when a connect fails or ends. */
export type Reconnect = 'retry' | 'handshake' | 'none';

/** How a server wants its clients to behave. Times are in ms. */
export interface Advice {
  reconnect?: Reconnect;
  /** Least time between the end of one connect and the start of the next. */
  interval?: number;
  /** How long the server holds a connect. */
  timeout?: number;
  /** How long the server waits for the next connect before it expires the session. */
  maxInterval?: number;
  /** Several clients of one browser share a long-polling connection. */
  'multiple-clients'?: boolean;
  /** Other servers a client may use instead. */
  hosts?: string[];
  [field: string]: unknown;
}

/** The open envelope: what any Bayeux message may carry. Fields that the protocol does not know are kept. */
export interface Message<Data = unknown> {
  channel: string;
  id?: string;
  clientId?: string;
  data?: Data;
  ext?: Record<string, unknown>;
  advice?: Advice;
  successful?: boolean;
  error?: string;
  subscription?: string | string[];
  version?: string;
  minimumVersion?: string;
  supportedConnectionTypes?: string[];
  connectionType?: string;
  timestamp?: string;
  'x-messages'?: number;
  [field: string]: unknown;
}

export const META_HANDSHAKE = '/meta/handshake';
export const META_CONNECT = '/meta/connect';
export const META_SUBSCRIBE = '/meta/subscribe';
export const META_UNSUBSCRIBE = '/meta/unsubscribe';
export const META_DISCONNECT = '/meta/disconnect';

/** A channel of the protocol itself. */
export type MetaChannel =
  | typeof META_HANDSHAKE
  | typeof META_CONNECT
  | typeof META_SUBSCRIBE
  | typeof META_UNSUBSCRIBE
  | typeof META_DISCONNECT;

/** All channels of the protocol, in the order of a conversation. */
export const META_CHANNELS: readonly MetaChannel[] = Object.freeze([
  META_HANDSHAKE,
  META_CONNECT,
  META_SUBSCRIBE,
  META_UNSUBSCRIBE,
  META_DISCONNECT,
]);

/** What a client sends: no answer in it. */
type Request<Channel> = Message & { channel: Channel; successful?: never; error?: never };

/** What a server answers: that it worked, or that it did not; `BayeuxError.from` reads the error. */
type Reply<Channel> = Message & { channel: Channel } & ({ successful: true } | { successful: false; error?: string });

/** MUST: version, supportedConnectionTypes. MAY: minimumVersion, ext, id, and advice with the timing the client wishes. */
export type HandshakeRequest = Request<typeof META_HANDSHAKE> & { version: string; supportedConnectionTypes: string[] };

/** MUST: version, supportedConnectionTypes, clientId. MAY: minimumVersion, advice, ext, id, x-messages. */
export type HandshakeAccepted = Message & {
  channel: typeof META_HANDSHAKE;
  successful: true;
  version: string;
  supportedConnectionTypes: string[];
  clientId: string;
};

/** MUST: error. MAY: supportedConnectionTypes, advice, version, minimumVersion, ext, id. */
export type HandshakeRefused = Message & { channel: typeof META_HANDSHAKE; successful: false; error: string };

export type HandshakeReply = HandshakeAccepted | HandshakeRefused;

/** MUST: clientId, connectionType. MAY: ext, id, and advice with the timeout the client wishes. */
export type ConnectRequest = Request<typeof META_CONNECT> & { clientId: string; connectionType: string };

/** MUST: successful. MAY: error, advice, ext, clientId, id. */
export type ConnectReply = Reply<typeof META_CONNECT>;

/** MUST: clientId, subscription. MAY: ext, id. */
export type SubscribeRequest = Request<typeof META_SUBSCRIBE> & { clientId: string; subscription: string | string[] };

/** MUST: successful, subscription. MAY: error, advice, ext, clientId, id. */
export type SubscribeReply = Reply<typeof META_SUBSCRIBE>;

/** MUST: clientId, subscription. MAY: ext, id. */
export type UnsubscribeRequest = Request<typeof META_UNSUBSCRIBE> & {
  clientId: string;
  subscription: string | string[];
};

/** MUST: successful, subscription. MAY: error, advice, ext, clientId, id. */
export type UnsubscribeReply = Reply<typeof META_UNSUBSCRIBE>;

/** MUST: clientId. MAY: ext, id. */
export type DisconnectRequest = Request<typeof META_DISCONNECT> & { clientId: string };

/** MUST: successful. MAY: error, ext, clientId, id, and advice: a disconnect that the server began comes unasked. */
export type DisconnectReply = Reply<typeof META_DISCONNECT>;

/** An event. MUST: data. MAY: clientId, id, ext. A server delivers it without the clientId and the id of its publisher. */
export type Publish<Data = unknown> = Message<Data> & { data: Data };

/** MUST: successful. MAY: id, error, advice, ext. It never has data. */
export type PublishReply = Reply<string> & { data?: never };

/** Every kind of message the protocol knows; the guards below tell them apart. */
export type BayeuxMessage<Data = unknown> =
  | HandshakeRequest
  | HandshakeReply
  | ConnectRequest
  | ConnectReply
  | SubscribeRequest
  | SubscribeReply
  | UnsubscribeRequest
  | UnsubscribeReply
  | DisconnectRequest
  | DisconnectReply
  | Publish<Data>
  | PublishReply;

export function isHandshake(message: Message): message is HandshakeRequest | HandshakeReply {
  return message.channel === META_HANDSHAKE;
}

export function isConnect(message: Message): message is ConnectRequest | ConnectReply {
  return message.channel === META_CONNECT;
}

export function isSubscribe(message: Message): message is SubscribeRequest | SubscribeReply {
  return message.channel === META_SUBSCRIBE;
}

export function isUnsubscribe(message: Message): message is UnsubscribeRequest | UnsubscribeReply {
  return message.channel === META_UNSUBSCRIBE;
}

export function isDisconnect(message: Message): message is DisconnectRequest | DisconnectReply {
  return message.channel === META_DISCONNECT;
}

/** Whether a message carries an event: its channel is not a meta channel, and it has data, even if that is null. */
export function isPublish<Data>(message: Message<Data>): message is Publish<Data> {
  return !isMeta(message.channel) && hasData(message);
}

/** Whether a message answers a publish: its channel is not a meta channel, and it has no data member. */
export function isPublishReply(message: Message): message is PublishReply {
  return !isMeta(message.channel) && !hasData(message);
}

function hasData(message: Message): boolean {
  return message.data !== undefined && Object.hasOwn(message, 'data');
}

/** Whether a channel belongs to the protocol. `/meta` alone does not. */
export function isMeta(channel: string): boolean {
  return channel.startsWith('/meta/');
}

/** Whether a channel talks to the server only. `/service` alone does not. */
export function isService(channel: string): boolean {
  return channel.startsWith('/service/');
}

/** Whether messages on a channel are for whoever subscribes. */
export function isBroadcast(channel: string): boolean {
  return !isMeta(channel) && !isService(channel);
}
