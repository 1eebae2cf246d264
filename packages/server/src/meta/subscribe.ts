/**
 * `/meta/subscribe`: to one channel, or to several, all or none.
 *
 * Request   MUST have  channel, clientId, subscription (a name or an array of names) · MAY have  ext, id
 * Reply     successful, subscription as it was asked for; error when it failed
 * Source: book appendix C, "Subscribe".
 */
import { BayeuxError, ChannelId, chain, every, type Maybe, subscriptionsOf } from '@cometd-ts/protocol';
import type { Channel } from '../channel/channel.ts';
import type { ServerMessage } from '../message.ts';
import type { Rooms } from '../rooms.ts';
import type { Session } from '../session/session.ts';
import { refuse, refuseWith } from './reply.ts';

export function subscribe(rooms: Rooms, session: Session, message: ServerMessage, reply: ServerMessage): Maybe<void> {
  const { settings, rates } = rooms;
  if (rates.limitsSubscribes && !session.isTrusted && !rates.take('subscribes', session, reply)) return;
  const names = subscriptionsOf(message, settings.limits, { checkFields: settings.validateMessageFields });
  if (names instanceof BayeuxError) return refuseWith(reply, names);
  const channels: Channel[] = [];
  const checked = every(names, (name) => admit(rooms, session, name, message, reply, channels));
  return chain(checked, (all) => {
    if (!all || isOverLimit(rooms, session, channels, reply)) return;
    for (const admitted of channels) {
      const channel = admitted.isBroadcast ? present(rooms, admitted) : admitted;
      if (!channel.subscribe(session, message)) return refuse(reply, 'subscribe_failed', ...blame(message, channel.id));
    }
    reply.successful = true;
  });
}

/** Checks one name, and finds or creates its channel. False when the reply tells why not. */
function admit(
  rooms: Rooms,
  session: Session,
  name: string,
  message: ServerMessage,
  reply: ServerMessage,
  channels: Channel[],
): Maybe<boolean> {
  const { admission } = rooms;
  const channelId = new ChannelId(name, rooms.channels.naming);
  const existing = rooms.channels.get(name);
  const created = existing ? null : admission.create(session, channelId, message);
  return chain(created, (denial) => {
    if (denial !== null) {
      refuse(reply, 'create_denied', denial);
      return false;
    }
    const channel = existing ?? create(rooms, session, channelId, reply);
    if (!channel) return false;
    return chain(admission.subscribe(session, channel, message), (reason) => {
      if (reason === null) channels.push(channel);
      else refuse(reply, 'subscribe_denied', reason);
      return reason === null;
    });
  });
}

/** Service channels record no subscribers, so none is made for one; broadcast channels are, up to their limit. */
function create(rooms: Rooms, session: Session, channelId: ChannelId, reply: ServerMessage): Channel | null {
  if (channelId.isService) return rooms.channels.transient(channelId.id);
  if (!rooms.rates.creates(session, rooms.channels.remoteCount, reply)) return null;
  return rooms.channels.createIfAbsent(channelId.id, [], !session.isTrusted).channel;
}

/** A policy that takes its time can outlast a channel nobody used: the sweeper has removed it. */
function present(rooms: Rooms, channel: Channel): Channel {
  return rooms.channels.createIfAbsent(channel.id, [], channel.isRemote).channel;
}

function isOverLimit(rooms: Rooms, session: Session, channels: readonly Channel[], reply: ServerMessage): boolean {
  const { maxSubscriptionsPerSession } = rooms.settings;
  if (session.isTrusted || maxSubscriptionsPerSession < 0) return false;
  const added = new Set(channels.filter((channel) => channel.isBroadcast && !channel.hasSubscriber(session))).size;
  if (session.subscriptionCount + added <= maxSubscriptionsPerSession) return false;
  rooms.diagnostics.limitHit('maxSubscriptionsPerSession');
  refuse(reply, 'limit_exceeded', 'maxSubscriptionsPerSession', String(maxSubscriptionsPerSession));
  return true;
}

/** The element to name in the error: only an array leaves a doubt. */
function blame(message: ServerMessage, name: string): string[] {
  return Array.isArray(message.subscription) ? [name] : [];
}
