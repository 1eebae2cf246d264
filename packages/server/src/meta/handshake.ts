/**
 * `/meta/handshake`: a session begins.
 *
 * Request   MUST have  channel · by the protocol also version, supportedConnectionTypes (checked with strictHandshake)
 *           MAY have   minimumVersion, ext, id
 * Reply     successful: clientId, version, minimumVersion, supportedConnectionTypes, advice
 *           refused: error, advice (reconnect none, unless the application says otherwise)
 * Source: book appendix C, "Handshake"; server-side negotiation is lenient as in Java CometD.
 */
import { chain, type Maybe } from '@cometd-ts/protocol';
import type { ServerMessage } from '../message.ts';
import type { Rooms } from '../rooms.ts';
import type { Session } from '../session/session.ts';
import { refuse } from './reply.ts';

const VERSION = '1.0';

export function handshake(rooms: Rooms, session: Session, message: ServerMessage, reply: ServerMessage): Maybe<void> {
  const { admission, settings, sessions, overload, drain, rates } = rooms;
  if (settings.strictHandshake && !negotiates(rooms, message, reply)) return;
  // The other nodes of a cluster come in whatever is going on: without them the clients that are here would miss something.
  if (!session.isTrusted) {
    if (
      drain.sheds(reply) ||
      overload.sheds(reply) ||
      isCrowded(rooms, reply) ||
      !rates.handshake(session, message, reply)
    )
      return;
  }
  session.userAgent = message.context?.header('user-agent');
  return chain(admission.canHandshake(session, message), (allowed) => {
    if (!allowed) {
      rates.left(session);
      refuseHandshake(reply, 'handshake_denied');
      return;
    }
    if (!session.handshaken()) {
      rates.left(session);
      refuse(reply, 'handshake_failed');
      return;
    }
    sessions.register(session, message);
    reply.successful = true;
    reply.clientId = session.id;
    reply.version = VERSION;
    reply.minimumVersion = VERSION;
    reply.supportedConnectionTypes = [...settings.allowedTransports];
    const advice = session.timing.takeAdvice();
    if (advice) reply.advice = { ...advice, ...reply.advice };
  });
}

/** The version and transports the client asks for, taken at their word. */
function negotiates(rooms: Rooms, message: ServerMessage, reply: ServerMessage): boolean {
  if (message.version === undefined || !/^[01](\.|$)/.test(message.version)) {
    refuseHandshake(reply, 'version_unsupported');
    return false;
  }
  const common = message.supportedConnectionTypes?.some((type) =>
    (rooms.settings.allowedTransports as readonly string[]).includes(type),
  );
  if (common) return true;
  refuseHandshake(reply, 'connection_types_unsupported');
  reply.supportedConnectionTypes = [...rooms.settings.allowedTransports];
  return false;
}

/** Too many sessions have handshaken and never connected: newcomers are asked to come again later. */
function isCrowded(rooms: Rooms, reply: ServerMessage): boolean {
  const { maxUnconnectedSessions, websocket } = rooms.settings;
  if (maxUnconnectedSessions < 0 || rooms.sessions.unconnectedCount < maxUnconnectedSessions) return false;
  rooms.diagnostics.limitHit('maxUnconnectedSessions');
  refuse(reply, 'limit_exceeded', 'maxUnconnectedSessions', String(maxUnconnectedSessions));
  reply.advice = { reconnect: 'handshake', interval: Math.round(websocket.maxInterval * (0.5 + Math.random())) };
  return true;
}

function refuseHandshake(
  reply: ServerMessage,
  code: 'handshake_denied' | 'version_unsupported' | 'connection_types_unsupported',
): void {
  if (!reply.handled) refuse(reply, code);
  reply.advice = { ...reply.advice, reconnect: reply.advice?.reconnect ?? 'none' };
}
