/** The hall: every message passes here, by the same steps in the same order, whatever door it came in by. */
import {
  attempt,
  type BayeuxError,
  ChannelId,
  chain,
  isMeta,
  isPromise,
  isService,
  type Maybe,
  META_CONNECT,
  META_DISCONNECT,
  META_HANDSHAKE,
  META_SUBSCRIBE,
  META_UNSUBSCRIBE,
  type ValidateOptions,
  validate,
} from '@cometd-ts/protocol';
import type { Channel } from './channel/channel.ts';
import type { Observer } from './diagnostics.ts';
import type { SessionExtensions } from './extensions.ts';
import { createReply, echo, type ServerMessage } from './message.ts';
import { concludeConnect, connect } from './meta/connect.ts';
import { disconnect } from './meta/disconnect.ts';
import { handshake } from './meta/handshake.ts';
import { refuse, refuseDeleted, refuseUnknown, refuseWith } from './meta/reply.ts';
import { subscribe } from './meta/subscribe.ts';
import { unsubscribe } from './meta/unsubscribe.ts';
import type { Rooms } from './rooms.ts';
import type { Session } from './session/session.ts';

type MetaHandler = (rooms: Rooms, session: Session, message: ServerMessage, reply: ServerMessage) => Maybe<void>;

const metaHandlers: ReadonlyMap<string, MetaHandler> = new Map<string, MetaHandler>([
  [META_HANDSHAKE, handshake],
  [META_CONNECT, connect],
  [META_SUBSCRIBE, subscribe],
  [META_UNSUBSCRIBE, unsubscribe],
  [META_DISCONNECT, disconnect],
]);

export class Hall {
  readonly #rooms: Rooms;
  readonly #checks: ValidateOptions;

  constructor(rooms: Rooms) {
    this.#rooms = rooms;
    this.#checks = { limits: rooms.settings.limits, checkFields: rooms.settings.validateMessageFields };
  }

  /**
   * Processes one message of `session`, which is null when nobody knows the sender. Answers the reply, which has yet to
   * `leave`. Synchronous when all user code is. Nothing that goes wrong with one message reaches another.
   * Book section 6.3.4.
   */
  process(session: Session | null, message: ServerMessage): Maybe<ServerMessage> {
    const { observer } = this.#rooms.diagnostics;
    if (!observer || isMetaMessage(message)) return this.#process(session, message);
    return this.#observed(observer, session, message);
  }

  // What is synchronous makes no closure, here and below: methods of their own make those that a later answer needs.

  #observed(observer: Observer, session: Session | null, message: ServerMessage): Maybe<ServerMessage> {
    const begun = performance.now();
    return chain(this.#process(session, message), (reply) => {
      observer.answered(performance.now() - begun);
      return reply;
    });
  }

  #process(session: Session | null, message: ServerMessage): Maybe<ServerMessage> {
    const error = validate(message, this.#checks);
    const reply = createReply(message);
    if (!session?.isLocalSession) this.#count(message, error);
    try {
      const answer = this.#arrived(session, message, reply, error);
      return isPromise(answer) ? this.#rescued(answer, reply) : answer;
    } catch (failure) {
      return this.#failed(reply, failure);
    }
  }

  #rescued(answer: Maybe<ServerMessage>, reply: ServerMessage): Maybe<ServerMessage> {
    return attempt(
      () => answer,
      (failure) => this.#failed(reply, failure),
    );
  }

  #count(message: ServerMessage, error: BayeuxError | undefined): void {
    const { traffic } = this.#rooms.diagnostics;
    if (error) traffic.received.invalid++;
    else traffic.arrived(message.channel);
  }

  #failed(reply: ServerMessage, failure: unknown): ServerMessage {
    this.#rooms.diagnostics.failed('receive', failure);
    refuse(reply, 'internal_error');
    return reply;
  }

  #arrived(
    session: Session | null,
    message: ServerMessage,
    reply: ServerMessage,
    error: BayeuxError | undefined,
  ): Maybe<ServerMessage> {
    if (error) {
      this.#rooms.diagnostics.rejected(error.code, message.channel);
      refuseWith(reply, error);
      this.#misbehaved(session, message, reply);
      return reply;
    }
    return this.#rooms.extensions.isEmpty && !session?.extensions
      ? this.#admitted(session, message, reply)
      : this.#extended(session, message, reply);
  }

  /** Incoming extensions, the server's before the session's. */
  #extended(session: Session | null, message: ServerMessage, reply: ServerMessage): Maybe<ServerMessage> {
    const seen = chain(
      this.#rooms.extensions.receive(session, message),
      (kept) => kept && (session?.extensions?.receive(message) ?? true),
    );
    return chain(seen, (kept) => {
      if (!kept) return this.#deleted(reply);
      return this.#admitted(session, message, reply);
    });
  }

  /** Who sends too much that is no Bayeux is a client no longer. */
  #misbehaved(session: Session | null, message: ServerMessage, reply: ServerMessage): void {
    if (!this.#rooms.rates.misbehaved(session, message, reply) || !session) return;
    this.#rooms.sessions.remove(session, null, false, 'misbehaved');
    session.flush();
  }

  /** The last words of a connect reply. Long-pollers are asked to pause while there is too much to do. */
  conclude(session: Session, reply: ServerMessage): void {
    const isPolling = !session.isLocalSession && session.transport !== 'websocket';
    concludeConnect(session, reply, isPolling ? this.#rooms.overload.pause() : 0);
  }

  /** The reply passes the outgoing extensions, and is encoded. Null when one of them swallowed it. */
  leave(session: Session | null, reply: ServerMessage): Maybe<ServerMessage | null> {
    const { extensions, diagnostics } = this.#rooms;
    const own = session?.extensions;
    diagnostics.replied(reply);
    if (!session?.isLocalSession) diagnostics.traffic.sent.reply++;
    const sent = extensions.send(null, session, reply);
    return sent === true && !own ? this.#encoded(reply) : this.#extendedReply(sent, own, reply);
  }

  #extendedReply(
    sent: Maybe<boolean>,
    own: SessionExtensions | undefined,
    reply: ServerMessage,
  ): Maybe<ServerMessage | null> {
    return chain(sent, (kept) => {
      if (!kept) return null;
      return chain(own?.send(null, reply) ?? reply, (left) => (left ? this.#encoded(left) : null));
    });
  }

  /** A reply that cannot be encoded fails alone. A handshake's is encoded when it is known how many messages follow it. */
  #encoded(reply: ServerMessage): ServerMessage {
    if (reply.channel === META_HANDSHAKE) return reply;
    try {
      return reply.freeze(this.#rooms.json);
    } catch (error) {
      this.#rooms.diagnostics.failed('reply', error);
      // From the reply, not from the request: that has lost its id when it was broadcast.
      const bare = echo(reply);
      refuse(bare, 'internal_error');
      return bare.freeze(this.#rooms.json);
    }
  }

  #admitted(session: Session | null, message: ServerMessage, reply: ServerMessage): Maybe<ServerMessage> {
    const isHandshake = message.channel === META_HANDSHAKE;
    if (!session || session.isTerminated || (!isHandshake && message.clientId !== session.id)) {
      refuseUnknown(reply, isHandshake || message.channel === META_CONNECT);
      return reply;
    }
    if (session.state === 'new' && !isHandshake) {
      refuseUnknown(reply, message.channel === META_CONNECT);
      return reply;
    }
    session.timing.touch(message.channel === META_CONNECT);
    if (isMeta(message.channel)) return this.#meta(session, message, reply);
    const { rates } = this.#rooms;
    if (rates.limitsPublishes && !session.isTrusted && !rates.take('publishes', session, reply)) return reply;
    const existing = this.#rooms.channels.get(message.channel);
    return existing ? this.#publish(session, existing, message, reply) : this.#publishAnew(session, message, reply);
  }

  /** Publishes to a channel that does not exist yet. */
  #publishAnew(session: Session, message: ServerMessage, reply: ServerMessage): Maybe<ServerMessage> {
    return chain(this.#createFor(session, message, reply), (channel) =>
      channel ? this.#publish(session, channel, message, reply) : reply,
    );
  }

  #meta(session: Session, message: ServerMessage, reply: ServerMessage): Maybe<ServerMessage> {
    const handler = metaHandlers.get(message.channel);
    const channel = this.#rooms.channels.get(message.channel);
    if (!handler || !channel) {
      refuse(reply, 'channel_create_denied', 'denied_by_security_policy');
      return reply;
    }
    const kept = this.#rooms.publisher.listen(session, channel, message);
    return isPromise(kept)
      ? this.#handledLater(kept, handler, session, message, reply)
      : this.#handled(kept, handler, session, message, reply);
  }

  #handledLater(
    kept: Maybe<boolean>,
    handler: MetaHandler,
    session: Session,
    message: ServerMessage,
    reply: ServerMessage,
  ): Maybe<ServerMessage> {
    return chain(kept, (yes) => this.#handled(yes, handler, session, message, reply));
  }

  #handled(
    kept: boolean,
    handler: MetaHandler,
    session: Session,
    message: ServerMessage,
    reply: ServerMessage,
  ): Maybe<ServerMessage> {
    if (!kept) return this.#deleted(reply);
    return chain(handler(this.#rooms, session, message, reply), () => reply);
  }

  /** The channel a message is for, created if it may be; null when the reply tells why not. */
  #createFor(session: Session, message: ServerMessage, reply: ServerMessage): Maybe<Channel | null> {
    const { admission, channels, rates } = this.#rooms;
    const channelId = new ChannelId(message.channel, channels.naming);
    return chain(admission.create(session, channelId, message), (denial) => {
      if (denial !== null) {
        refuse(reply, 'channel_create_denied', denial);
        return null;
      }
      if (isService(message.channel)) return channels.transient(message.channel);
      if (!rates.creates(session, channels.remoteCount, reply)) return null;
      return channels.createIfAbsent(message.channel, [], !session.isTrusted).channel;
    });
  }

  #publish(session: Session, channel: Channel, message: ServerMessage, reply: ServerMessage): Maybe<ServerMessage> {
    const { admission, publisher } = this.#rooms;
    return chain(admission.publish(session, channel, message), (denial) => {
      if (denial !== null) {
        refuse(reply, 'publish_denied', denial);
        return reply;
      }
      reply.successful = true;
      if (channel.isBroadcast && publisher.meetsNobody(channel)) return reply;
      const event = channel.isBroadcast ? publisher.eventOf(message, session.isTrusted) : message;
      return chain(publisher.listen(session, channel, event), (kept) => {
        if (!kept) return this.#deleted(reply);
        if (!channel.isBroadcast) return reply;
        return chain(publisher.broadcast(session, channel, event), (published) =>
          published === 'deleted' ? this.#deleted(reply) : reply,
        );
      });
    });
  }

  #deleted(reply: ServerMessage): ServerMessage {
    refuseDeleted(reply);
    return reply;
  }
}

/** Before validation, so that the channel may be anything. */
function isMetaMessage({ channel }: { readonly channel: unknown }): boolean {
  return typeof channel === 'string' && isMeta(channel);
}
