/** A Bayeux server for Node.js. */

export type {
  Authorizer,
  AuthorizerResult,
  Bayeux,
  BayeuxContext,
  ChannelEvents,
  ChannelInitializer,
  Extension,
  ListenerOptions,
  LocalSessionLike,
  Operation,
  Registration,
  SecurityPolicy,
  ServerChannel,
  ServerEvents,
  ServerSession,
  SessionEvents,
  SessionExtension,
  Verdict,
} from './api.ts';
export type { Logger, LogLevel } from './diagnostics.ts';
export { type AcknowledgedMessagesEvents, AcknowledgedMessagesExtension } from './ext/ack.ts';
export { ServerMessage } from './message.ts';
export type {
  BayeuxOptions,
  HttpOptions,
  QueuePolicy,
  ServerOptions,
  Settings,
  TransportName,
  TransportOptions,
  WebSocketOptions,
} from './options.ts';
export type { GrantAuthorizers } from './policy/policy.ts';
export { DefaultSecurityPolicy, deny, GrantAuthorizer, grant, ignore } from './policy/policy.ts';
export type { AttachOptions, RequestHandler } from './server.ts';
export { BayeuxServer } from './server.ts';
export { type OptionSpec, optionSpecs, resolveOptions, suggestion } from './settings.ts';
export type { LocalExtension, LocalListener } from './transport/local.ts';
export { LocalChannel, LocalSession } from './transport/local.ts';
export type { AnyHttpServer } from './transport/upgrade.ts';
