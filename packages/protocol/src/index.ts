/** Bayeux as values and pure functions. */
export { type BinaryData, decodeBinary, encodeBinary, isBinaryData, isBinaryMessage } from './binary-data.ts';
export { ChannelId, type ChannelIdOptions } from './channel-id.ts';
export {
  type Decoded,
  type DecodeOptions,
  decode,
  decodeAll,
  encode,
  join,
  PayloadError,
  type PayloadErrorCode,
} from './codec.ts';
export {
  BayeuxError,
  type BayeuxErrorCode,
  type BayeuxErrorOptions,
  errorText,
  type ParsedError,
  parseError,
} from './error.ts';
export { type BayeuxErrorEntry, errorTable } from './error-table.ts';
export { ExactJSONContext, ExactNumber } from './exact-json-context.ts';
export { ExtensionPipe } from './extension.ts';
export { type Convertor, JSONContext } from './json-context.ts';
export { defaultLimits, type LimitName, type Limits, resolveLimits } from './limits.ts';
export { attempt, chain, every, everyReversed, isPromise, type Maybe } from './maybe.ts';
export {
  type Advice,
  type BayeuxMessage,
  type ConnectReply,
  type ConnectRequest,
  type DisconnectReply,
  type DisconnectRequest,
  type HandshakeAccepted,
  type HandshakeRefused,
  type HandshakeReply,
  type HandshakeRequest,
  isBroadcast,
  isConnect,
  isDisconnect,
  isHandshake,
  isMeta,
  isPublish,
  isPublishReply,
  isService,
  isSubscribe,
  isUnsubscribe,
  META_CHANNELS,
  META_CONNECT,
  META_DISCONNECT,
  META_HANDSHAKE,
  META_SUBSCRIBE,
  META_UNSUBSCRIBE,
  type Message,
  type MetaChannel,
  type Publish,
  type PublishReply,
  type Reconnect,
  type SubscribeReply,
  type SubscribeRequest,
  type UnsubscribeReply,
  type UnsubscribeRequest,
} from './message.ts';
export type { Schema, SchemaResult } from './schema.ts';
export { subscriptionsOf, type ValidateOptions, validate } from './validate.ts';
export { Z85 } from './z85.ts';
