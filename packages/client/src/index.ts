/** Bayeux clients for every JavaScript platform; in Node.js use the entry `./node`. */

export type { CometDConfiguration, CometDSettings, CometDStatus, MessageCallback, MessageProps } from './cometd.ts';
export { CometD } from './cometd.ts';
export type { FailureInfo } from './engine.ts';
export type { ClientExtension } from './exchange.ts';
export { AckExtension } from './ext/ack.ts';
export { BinaryExtension } from './ext/binary.ts';
export { Extension } from './ext/extension.ts';
export { ReloadExtension } from './ext/reload.ts';
export { TimeStampExtension } from './ext/timestamp.ts';
export { TimeSyncExtension } from './ext/timesync.ts';
export type { SubscriptionHandle } from './listeners.ts';
export type { Envelope, Failure, Message } from './message.ts';
export { TransportRegistry } from './negotiation.ts';
export type { ClientOptions, LogLevel, RequestHeaders } from './options.ts';
export type { HttpCall, HttpRequest, Platform, WebSocketLike } from './platform.ts';
export type { ClientState } from './state.ts';
export { CallbackPollingTransport } from './transport/callback-polling.ts';
export { LongPollingTransport } from './transport/long-polling.ts';
export { RequestTransport } from './transport/request.ts';
export type { TransportLike } from './transport/transport.ts';
export { Transport } from './transport/transport.ts';
export { WebSocketTransport } from './transport/websocket.ts';
