/** May this session do that? The security policy first, then the authorizers from `/**` down to the channel itself. */
import { attempt, type ChannelId, chain, every, type Maybe } from '@cometd-ts/protocol';
import type { AuthorizerResult, Bayeux, Operation, SecurityPolicy, ServerChannel, ServerSession } from '../api.ts';
import type { Channel } from '../channel/channel.ts';
import type { Channels } from '../channel/channels.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { ServerMessage } from '../message.ts';
import { isReserved, mayUseReserved } from './reserved.ts';

/** Null when allowed, else the reason of the denial, as it appears in the error text. */
export type Denial = string | null;

const BY_POLICY = 'denied_by_security_policy';
const BY_NOT_GRANTING = 'denied_by_not_granting';

export class Admission {
  policy: SecurityPolicy | null;
  readonly #server: Bayeux;
  readonly #channels: Channels;
  readonly #diagnostics: Diagnostics;

  constructor(policy: SecurityPolicy, server: Bayeux, channels: Channels, diagnostics: Diagnostics) {
    this.policy = policy;
    this.#server = server;
    this.#channels = channels;
    this.#diagnostics = diagnostics;
  }

  canHandshake(session: ServerSession, message: ServerMessage): Maybe<boolean> {
    return this.#ask(() => this.policy?.canHandshake?.(this.#server, session, message));
  }

  create(session: ServerSession | null, channelId: ChannelId, message: ServerMessage): Maybe<Denial> {
    if (isReserved(channelId.id)) return ofTheCluster(session);
    const allowed = this.#ask(() => this.policy?.canCreate?.(this.#server, session, channelId.id, message));
    return chain(allowed, (yes) => (yes ? this.#authorize('CREATE', channelId, session, message) : BY_POLICY));
  }

  subscribe(session: ServerSession | null, channel: ServerChannel, message: ServerMessage): Maybe<Denial> {
    if (isReserved(channel.id)) return ofTheCluster(session);
    const allowed = this.#ask(() => this.policy?.canSubscribe?.(this.#server, session, channel, message));
    return chain(allowed, (yes) =>
      yes ? this.#authorize('SUBSCRIBE', channel.channelId, session, message) : BY_POLICY,
    );
  }

  publish(session: ServerSession | null, channel: ServerChannel, message: ServerMessage): Maybe<Denial> {
    if (isReserved(channel.id)) return ofTheCluster(session);
    const allowed = this.#ask(() => this.policy?.canPublish?.(this.#server, session, channel, message));
    return chain(allowed, (yes) => (yes ? this.#authorize('PUBLISH', channel.channelId, session, message) : BY_POLICY));
  }

  #authorize(
    operation: Operation,
    channelId: ChannelId,
    session: ServerSession | null,
    message: ServerMessage,
  ): Maybe<Denial> {
    const route = this.#channels.route(channelId);
    return route.some(isGuarded) ? this.#consult(route, operation, channelId, session, message) : null;
  }

  #consult(
    route: readonly Channel[],
    operation: Operation,
    channelId: ChannelId,
    session: ServerSession | null,
    message: ServerMessage,
  ): Maybe<Denial> {
    let asked = false;
    let granted = false;
    let denial: Denial = null;
    const consult = (result: AuthorizerResult): boolean => {
      asked = true;
      if (result.verdict === 'grant') granted = true;
      if (result.verdict !== 'deny') return true;
      denial = result.reason;
      return false;
    };
    const done = every(route, (channel) =>
      every(channel.authorizers, (authorizer) =>
        chain(
          attempt<AuthorizerResult>(
            () => authorizer.authorize(operation, channelId, session, message),
            (error) => {
              this.#diagnostics.failed('authorizer', error);
              return { verdict: 'deny', reason: BY_NOT_GRANTING };
            },
          ),
          consult,
        ),
      ),
    );
    return chain(done, () => denial ?? (asked && !granted ? BY_NOT_GRANTING : null));
  }

  /** A policy that throws or rejects has denied. */
  #ask(call: () => Maybe<boolean | undefined | void>): Maybe<boolean> {
    return chain(this.#diagnostics.guard('security policy', false, call), (verdict) => verdict !== false);
  }
}

/** Whether anybody has to be asked about a channel. */
function isGuarded(channel: Channel): boolean {
  return channel.authorizers.length > 0;
}

/** The channels of the cluster are not the application's to decide about: open to the cluster, closed to all others. */
function ofTheCluster(session: ServerSession | null): Denial {
  return mayUseReserved(session) ? null : BY_NOT_GRANTING;
}
