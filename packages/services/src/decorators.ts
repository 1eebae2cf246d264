/** The decorators of services on the server: the names of the book's annotations, as standard decorators. */
import type {
  BayeuxServer,
  LocalSession,
  ServerChannel,
  ServerMessage,
  ServerSession,
  Verdict,
} from '@cometd-ts/server';
import { isDecoration, recordCallback, recordMember } from './bindings.ts';
import type { CallMethod, MethodOf, TargetOf } from './contract.ts';
import { listOf } from './marks.ts';
import type { Schema } from './schema.ts';
import type { InjectDecorator, MethodDecorator } from './shapes.ts';
import type { ParamsOf } from './template.ts';

/** A class, or a name under which the application provides something. */
export type Token<T> = (abstract new (...args: never[]) => T) | string | symbol;

/** `@Inject` gives the server, `@Inject(token)` what the application provides for a class or a name. */
export type InjectFactory = InjectDecorator<BayeuxServer> & {
  (): InjectDecorator<BayeuxServer>;
  <T>(token: abstract new (...args: never[]) => T): InjectDecorator<T>;
  /** A name says nothing of the type: name that, too, to have it compared with the field's. */
  <T = never>(token: string | symbol): InjectDecorator<T>;
};

/**
 * Gives a field, an accessor, a setter or a method with one argument what the service depends on, before anything else
 * happens. Fields that are set already are left alone; `#private` ones can be given, too.
 */
export const Inject: InjectFactory = ((...made: unknown[]) => {
  if (isDecoration(made)) return recordMember('Inject', made, { token: undefined });
  return (...args: unknown[]): void => recordMember('Inject', args, { token: made[0] });
}) as InjectFactory;

/** `@Session` gives the local session, `@Session('server')` its server side. */
export type SessionFactory = InjectDecorator<LocalSession> & {
  (): InjectDecorator<LocalSession>;
  (which: 'local'): InjectDecorator<LocalSession>;
  (which: 'server'): InjectDecorator<ServerSession>;
};

/** Gives a member one of the two sides of the service's own session. */
export const Session: SessionFactory = ((...made: unknown[]) => {
  if (isDecoration(made)) return recordMember('Session', made, { which: 'local' });
  const which = made[0] === 'server' ? 'server' : 'local';
  return (...args: unknown[]): void => recordMember('Session', args, { which });
}) as SessionFactory;

export interface ConfigureOptions {
  /** Processing fails when there is such a channel already. Default true. */
  readonly errorIfExists?: boolean;
  /** The method is called for a channel that exists already, too. Default false. */
  readonly configureIfExists?: boolean;
}

/** Configures channels: the method is called before anybody else sees them. */
export function Configure(
  channels: string | readonly string[],
  options: ConfigureOptions = {},
): MethodDecorator<(channel: ServerChannel) => void> {
  const { errorIfExists = true, configureIfExists = false } = options;
  return (...args: unknown[]): void =>
    recordCallback('Configure', args, { channels: listOf(channels), errorIfExists, configureIfExists });
}

export interface ListenerOptions {
  /** The method hears what the service's own session publishes, too. Default false. */
  readonly receiveOwnPublishes?: boolean;
}

/**
 * Calls the method while the server processes a message: of these channels, of those that a wildcard matches, or that fit
 * a template, whose variables arrive as an object. Meta channels work, too. `session` is null for what the server itself
 * publishes. Answering false stops the message; a promise holds it, and with it the session's next ones, so that their
 * order stays.
 */
export function Listener<const Channel extends string>(
  channels: Channel | readonly Channel[],
  { receiveOwnPublishes = false }: ListenerOptions = {},
): MethodDecorator<
  (session: ServerSession | null, message: ServerMessage<never>, params: ParamsOf<Channel>) => Verdict
> {
  return (...args: unknown[]): void =>
    recordCallback('Listener', args, { channels: listOf(channels), receiveOwnPublishes });
}

/**
 * Subscribes the service's session: the method gets messages as any subscriber does, when they are published. Broadcast
 * channels only. One message after another: when the method returns a promise, the next waits for it. More than
 * `maxWaiting` messages that wait are dropped, and counted.
 */
export function Subscription<const Channel extends string>(
  channels: Channel | readonly Channel[],
): MethodDecorator<(message: ServerMessage<never>, params: ParamsOf<Channel>) => unknown> {
  return (...args: unknown[]): void => recordCallback('Subscription', args, { channels: listOf(channels) });
}

export interface RemoteCallOptions<Data> {
  /** Checks what the client sent, before the method sees it; what does not fit fails the call. */
  readonly schema?: Schema<Data>;
}

/**
 * Makes the method the target of remote calls. It answers through `caller`, or by returning a promise: what that resolves
 * with is the result (null when nothing), what it rejects with, or what the method throws, is the failure. The calls of one
 * session are made one after another, unless the processor allows more.
 */
export function RemoteCall<const Target extends string, Data = never>(
  targets: Target | readonly Target[],
  options: RemoteCallOptions<Data> = {},
): MethodDecorator<CallMethod<Data, unknown, Target>> {
  return (...args: unknown[]): void =>
    recordCallback('RemoteCall', args, { channels: listOf(targets), schema: options.schema });
}

/** `@RemoteCall` for the targets of one contract: data, result and parameters have the types it says. */
export type TypedRemoteCall<Contract extends object> = <Target extends TargetOf<Contract> & string>(
  target: Target,
  options?: RemoteCallOptions<MethodOf<Contract, Target>['data']>,
) => MethodDecorator<CallMethod<MethodOf<Contract, Target>['data'], MethodOf<Contract, Target>['result'], Target>>;

/** The decorator for the remote calls of a contract, which server and client share. */
export function remoteCalls<Contract extends object>(): TypedRemoteCall<Contract> {
  return RemoteCall as unknown as TypedRemoteCall<Contract>;
}
