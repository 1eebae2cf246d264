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
  OverloadLevel,
  QueueBounds,
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
export { type Activity, ActivityExtension, type ActivityOptions, SessionActivityExtension } from './ext/activity.ts';
export { BinaryExtension, SessionBinaryExtension } from './ext/binary.ts';
export {
  type DataFilter,
  type FilterOptions,
  filterData,
  filterJSON,
  type JSONLeaves,
  noMarkup,
  noScripts,
  type ReplaceRule,
  replaceMatches,
} from './ext/data-filters.ts';
export { TimestampExtension, type TimestampOptions } from './ext/timestamp.ts';
export { TimesyncExtension, type TimesyncOptions } from './ext/timesync.ts';
export { type ChangeableOption, changeableOptions } from './management/changes.ts';
export { type HealthCheck, type HealthOptions, healthEndpoints } from './management/health.ts';
export type { Management, SessionView } from './management/management.ts';
export type {
  ChannelSnapshot,
  PlainSettings,
  ServerSnapshot,
  SessionSnapshot,
  TransportSnapshot,
} from './management/snapshots.ts';
export { ServerMessage } from './message.ts';
export type { DrainOptions } from './meta/drain.ts';
export type { Measured, MetricsObserver, MetricsRegistry, Sample } from './metrics/registry.ts';
export {
  type HistogramName,
  type MetricName,
  type MetricSpec,
  type MetricType,
  metricSpecs,
  prometheusName,
  type ReadableName,
} from './metrics/specs.ts';
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
export { isReserved } from './policy/reserved.ts';
export type { AttachOptions, RequestHandler } from './server.ts';
export { BayeuxServer } from './server.ts';
export type {
  Neighbour,
  Neighbourhood,
  Passage,
  PassedAddress,
  PassedAnswer,
  PassedRequest,
} from './session/neighbours.ts';
export { type OptionSpec, optionSpecs, resolveOptions, suggestion } from './settings.ts';
export type { Guests } from './transport/guests.ts';
export type { LocalExtension, LocalListener } from './transport/local.ts';
export { LocalChannel, LocalSession } from './transport/local.ts';
export type { AnyHttpServer } from './transport/upgrade.ts';
