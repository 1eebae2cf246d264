/**
 * `/meta/unsubscribe`: from one channel or several. Nobody's permission is needed to leave.
 *
 * Request   MUST have  channel, clientId, subscription (a name or an array of names) · MAY have  ext, id
 * Reply     successful, subscription as it was asked for; error when a channel does not exist or is a meta channel
 * Source: book appendix C, "Unsubscribe".
 */
import { BayeuxError, isMeta, isService, subscriptionsOf } from '@cometd-ts/protocol';
import type { ServerMessage } from '../message.ts';
import type { Rooms } from '../rooms.ts';
import type { Session } from '../session/session.ts';
import { refuse, refuseWith } from './reply.ts';

export function unsubscribe(rooms: Rooms, session: Session, message: ServerMessage, reply: ServerMessage): void {
  const { settings } = rooms;
  const names = subscriptionsOf(message, settings.limits, { checkFields: settings.validateMessageFields });
  if (names instanceof BayeuxError) return refuseWith(reply, names);
  for (const name of names) {
    if (isMeta(name)) return refuse(reply, 'unsubscribe_failed');
    if (!isService(name) && !rooms.channels.get(name)) return refuse(reply, 'channel_missing');
  }
  for (const name of names) rooms.channels.get(name)?.unsubscribe(session, message);
  reply.successful = true;
}
