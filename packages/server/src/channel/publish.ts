/** A message is published: through the listeners, through the extensions, once encoded, to every subscriber once. */
import { chain, every, type JSONContext, type Maybe, type Message } from '@cometd-ts/protocol';
import type { LocalSessionLike, ServerSession } from '../api.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { ServerExtensions } from '../extensions.ts';
import type { ServerMessage } from '../message.ts';
import { isReserved, mayUseReserved } from '../policy/reserved.ts';
import { CROWD, type FanOut } from '../session/fan-out.ts';
import { type Session, sessionOf } from '../session/session.ts';
import type { Channel } from './channel.ts';
import type { Channels } from './channels.ts';

/** `deleted` when a listener or an extension stopped the message; `queued` when at least one session got it. */
export type Published = 'deleted' | 'queued' | 'nobody';

/** Fields of a request or reply that never travel to subscribers, whatever `forwardFields` says. */
const neverForwarded: ReadonlySet<string> = new Set([
  'clientId',
  'id',
  'advice',
  'successful',
  'error',
  'subscription',
  'version',
  'minimumVersion',
  'supportedConnectionTypes',
  'connectionType',
  'x-messages',
]);

export interface PublishHost {
  readonly json: JSONContext;
  readonly channels: Channels;
  readonly diagnostics: Diagnostics;
  readonly extensions: ServerExtensions;
  readonly fanOut: FanOut;
  readonly forwardFields: readonly string[];
}

export class Publisher {
  readonly #host: PublishHost;
  readonly #forwardsMore: boolean;
  readonly #forwardAll: boolean;
  readonly #forwarded: ReadonlySet<string>;

  constructor(host: PublishHost) {
    this.#host = host;
    this.#forwardAll = host.forwardFields.includes('*');
    this.#forwarded = new Set(host.forwardFields);
    this.#forwardsMore = host.forwardFields.length > 0;
  }

  /** Server API: nobody is asked for permission, and the channel's own listeners hear it. */
  publish(from: ServerSession | LocalSessionLike | null, channel: Channel, message: ServerMessage): Maybe<boolean> {
    if (channel.isWild) throw new TypeError(`A message cannot be published to the wildcard channel ${channel.id}`);
    const sender = sessionOf(from);
    return chain(this.listen(sender, channel, message), (passed) => {
      if (!passed) return false;
      return chain(this.broadcast(sender, channel, message), (published) => published === 'queued');
    });
  }

  /**
   * The event that a client's publish becomes: what else a client sent along stays here, but for the forwarded fields.
   * What one of ours sends (`whole`) keeps its `ext` and all other fields: a message from another node arrives as it left.
   */
  eventOf(request: ServerMessage, whole: boolean): ServerMessage {
    const { channel, data } = request;
    const fields: Message = data === undefined ? { channel } : { channel, data };
    if (whole || this.#forwardsMore) {
      for (const name of Object.keys(request)) {
        const forwarded = whole || this.#forwardAll || this.#forwarded.has(name);
        // A defined property, because one of a name like __proto__ must stay data.
        if (forwarded && !neverForwarded.has(name)) {
          Object.defineProperty(fields, name, {
            value: request[name],
            enumerable: true,
            writable: true,
            configurable: true,
          });
        }
      }
    }
    return request.derive(fields);
  }

  /** Listeners from `/**` down to the exact channel; false when one of them stopped the message. */
  listen(sender: Session | null, channel: Channel, message: ServerMessage): Maybe<boolean> {
    const route = this.#host.channels.route(channel.channelId);
    if (!message.lazy) for (const one of route) if (one.lazy) message.lazy = true;
    if (message.lazy && channel.lazyTimeout > 0) message.lazyTimeout = channel.lazyTimeout;
    return route.some(isHeard) ? this.#tell(route, sender, channel, message) : true;
  }

  #tell(route: readonly Channel[], sender: Session | null, channel: Channel, message: ServerMessage): Maybe<boolean> {
    return every(route, (one) => {
      const listeners = one.listeners('message');
      if (listeners.length === 0) return true;
      return every(listeners, (listener) =>
        chain(
          this.#host.diagnostics.guard("channel listener 'message'", undefined, () =>
            listener(sender, channel, message),
          ),
          (verdict) => verdict !== false,
        ),
      );
    });
  }

  /** Whether a message on a broadcast channel would meet nobody: no extension, no listener, no subscriber. */
  meetsNobody(channel: Channel): boolean {
    return this.#host.extensions.isEmpty && this.#host.channels.route(channel.channelId).every(isDeserted);
  }

  /** Outgoing extensions once, encoding once, then every subscriber. Service messages end with the extensions. */
  broadcast(sender: Session | null, channel: Channel, message: ServerMessage): Maybe<Published> {
    const begun = this.#host.diagnostics.observer ? performance.now() : 0;
    return chain(this.#host.extensions.send(sender, null, message), (kept) => {
      if (!kept) return 'deleted';
      if (!channel.isBroadcast) return 'nobody';
      message.freeze(this.#host.json);
      return chain(this.#fanOut(sender, channel, message), (queued) => {
        if (!queued) return 'nobody';
        if (begun > 0) this.#host.diagnostics.observer?.published(begun);
        return 'queued';
      });
    });
  }

  #fanOut(sender: Session | null, channel: Channel, message: ServerMessage): Maybe<boolean> {
    const route = this.#host.channels.route(channel.channelId);
    const crowded = route.filter((one) => one.subscriberCount > 0);
    const reserved = isReserved(channel.id);
    const [only] = crowded;
    if (crowded.length === 1 && only && only.subscriberCount >= CROWD && !message.lazy && !reserved)
      return this.#host.fanOut.publish(sender, only, message);
    // A session that is subscribed through several channels gets one copy: only then somebody has to remember.
    const seen: Set<Session> | null = crowded.length > 1 ? new Set() : null;
    let queued = false;
    const took = (session: Session): true => {
      queued = true;
      seen?.add(session);
      return true;
    };
    // Closures are made once a message, not once a subscriber; a promise only where a session's own callbacks make one.
    const done = every(crowded, (one) =>
      every(one.subscribers as readonly Session[], (session) => {
        if (seen?.has(session)) return true;
        if (session === sender && !one.broadcastToPublisher) return true;
        if (reserved && !mayUseReserved(session)) return true;
        const answer = session.receive(sender, message);
        if (answer === true) return took(session);
        if (answer === false) return true;
        return chain(answer, (yes) => (yes ? took(session) : true));
      }),
    );
    return chain(done, () => queued);
  }
}

function isDeserted(channel: Channel): boolean {
  return channel.subscriberCount === 0 && !isHeard(channel);
}

/** Whether anybody listens to the messages on a channel. */
function isHeard(channel: Channel): boolean {
  return channel.listeners('message').length > 0;
}
