/** The stock answers of policies and authorizers. Book sections 6.3.6.1, 9.3.3 and 9.3.4. */
import { isMeta, type Maybe } from '@cometd-ts/protocol';
import type {
  Authorizer,
  AuthorizerResult,
  Bayeux,
  Operation,
  SecurityPolicy,
  ServerChannel,
  ServerSession,
} from '../api.ts';
import type { ServerMessage } from '../message.ts';

/** Everybody may handshake; nobody may touch meta channels; publishing takes a handshake. */
export class DefaultSecurityPolicy implements SecurityPolicy {
  canHandshake(_server: Bayeux, _session: ServerSession, _message: ServerMessage): Maybe<boolean> {
    return true;
  }

  canCreate(_server: Bayeux, session: ServerSession | null, channel: string, _message: ServerMessage): Maybe<boolean> {
    return session !== null && (session.isLocalSession || !isMeta(channel));
  }

  canSubscribe(
    _server: Bayeux,
    session: ServerSession | null,
    channel: ServerChannel,
    _message: ServerMessage,
  ): Maybe<boolean> {
    return session !== null && (session.isLocalSession || !channel.isMeta);
  }

  canPublish(
    _server: Bayeux,
    session: ServerSession | null,
    channel: ServerChannel,
    _message: ServerMessage,
  ): Maybe<boolean> {
    return session?.isHandshook === true && !channel.isMeta;
  }
}

const granted: AuthorizerResult = Object.freeze({ verdict: 'grant' });
const ignored: AuthorizerResult = Object.freeze({ verdict: 'ignore' });

/** Allowed, unless another authorizer denies. */
export function grant(): AuthorizerResult {
  return granted;
}

/** No opinion: somebody else must grant. */
export function ignore(): AuthorizerResult {
  return ignored;
}

/** Refused, whatever others say. The reason appears in the error `403:<reason>:…_denied`. */
export function deny(reason: string): AuthorizerResult {
  return { verdict: 'deny', reason };
}

function granting(...operations: Operation[]): Authorizer {
  return { authorize: (operation) => (operations.includes(operation) ? granted : ignored) };
}

/** The operations' stock authorizers, by name. */
export interface GrantAuthorizers {
  readonly GRANT_CREATE: Authorizer;
  readonly GRANT_SUBSCRIBE: Authorizer;
  readonly GRANT_PUBLISH: Authorizer;
  readonly GRANT_CREATE_SUBSCRIBE: Authorizer;
  readonly GRANT_SUBSCRIBE_PUBLISH: Authorizer;
  readonly GRANT_ALL: Authorizer;
  /** Ignores everything: closes a channel to everybody whom nobody else grants it. */
  readonly GRANT_NONE: Authorizer;
}

/** Authorizers that grant by operation alone. */
export const GrantAuthorizer: GrantAuthorizers = Object.freeze({
  GRANT_CREATE: granting('CREATE'),
  GRANT_SUBSCRIBE: granting('SUBSCRIBE'),
  GRANT_PUBLISH: granting('PUBLISH'),
  GRANT_CREATE_SUBSCRIBE: granting('CREATE', 'SUBSCRIBE'),
  GRANT_SUBSCRIBE_PUBLISH: granting('SUBSCRIBE', 'PUBLISH'),
  GRANT_ALL: granting('CREATE', 'SUBSCRIBE', 'PUBLISH'),
  GRANT_NONE: granting(),
});
