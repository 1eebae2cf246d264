/** Entry `./node`: the clients with the network of Node.js: cookies, proxies, certificates, and `ws`. */
import { BayeuxClient as WebBayeuxClient } from './bayeux-client.ts';
import type { BayeuxClientOptions } from './bayeux-options.ts';
import type { AnyChannels, ChannelMap } from './channel-map.ts';
import { CometD as WebCometD } from './cometd.ts';
import type { NodeOptions } from './node/options.ts';
import { nodePlatform } from './node/platform.ts';

export { BayeuxError, type BayeuxErrorCode } from '@cometd-ts/protocol';
export type { MessageCallback, MessageProps } from './arguments.ts';
export type { BayeuxClientEvents, BayeuxClientOptions } from './bayeux-options.ts';
export type { ChannelListener, SendOptions } from './channel.ts';
export { ClientChannel } from './channel.ts';
export type { AnyChannels, CallOf, ChannelMap, DataOf, Schema, SchemaResult } from './channel-map.ts';
export type { CometDConfiguration, CometDStatus } from './cometd.ts';
export type { Authenticate, Credentials } from './credentials.ts';
export type { FailureInfo } from './engine.ts';
export type { ClientErrorCode, ClientErrorOptions } from './error.ts';
export { ClientError } from './error.ts';
export type { ListenerOptions, Registration } from './events.ts';
export type { ClientExtension } from './exchange.ts';
export { AckExtension } from './ext/ack.ts';
export { BinaryExtension, type Bytes } from './ext/binary.ts';
export { Extension } from './ext/extension.ts';
export { TimeStampExtension } from './ext/timestamp.ts';
export { type TimeSyncConfiguration, TimeSyncExtension } from './ext/timesync.ts';
export { type UpgradeConfiguration, UpgradeExtension } from './ext/upgrade.ts';
export type { SubscriptionHandle } from './listeners.ts';
export type { Envelope, Failure, Message } from './message.ts';
export { TransportRegistry } from './negotiation.ts';
export type { NodeOptions, TlsOptions } from './node/options.ts';
export type { NodePlatform } from './node/platform.ts';
export { nodePlatform } from './node/platform.ts';
export type { ClientOptions, JSONCodec, LogLevel, RequestHeaders } from './options.ts';
export type { Platform } from './platform.ts';
export type { ClientState } from './state.ts';
export type { Status } from './status.ts';
export { LongPollingTransport } from './transport/long-polling.ts';
export { RequestTransport } from './transport/request.ts';
export type { TransportLike } from './transport/transport.ts';
export { Transport } from './transport/transport.ts';
export { WebSocketTransport } from './transport/websocket.ts';

/** The CometD object with the network of Node.js. Each has its own cookies. */
export class CometD extends WebCometD {
  constructor(name?: string, options: NodeOptions = {}) {
    super(name, { platform: nodePlatform(options) });
  }
}

export interface NodeClientOptions extends BayeuxClientOptions {
  /** Cookies, proxy, certificates and header fields. */
  node?: NodeOptions;
}

/** The typed client with the network of Node.js. Each has its own cookies. */
export class BayeuxClient<Channels extends ChannelMap = AnyChannels> extends WebBayeuxClient<Channels> {
  constructor(url: string | URL, { node, ...options }: NodeClientOptions = {}) {
    super(url, { ...options, platform: { ...nodePlatform(node), ...options.platform } });
  }
}
