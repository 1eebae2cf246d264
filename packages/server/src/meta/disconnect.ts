/**
 * `/meta/disconnect`: the session ends; a held connect is answered with the advice not to reconnect.
 *
 * Request   MUST have  channel, clientId · MAY have  ext, id
 * Reply     successful
 * Source: book appendix C, "Disconnect".
 */
import type { ServerMessage } from '../message.ts';
import type { Rooms } from '../rooms.ts';
import type { Session } from '../session/session.ts';

export function disconnect(rooms: Rooms, session: Session, message: ServerMessage, reply: ServerMessage): void {
  rooms.sessions.remove(session, message, false);
  session.flush();
  reply.successful = true;
}
