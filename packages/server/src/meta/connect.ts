/**
 * `/meta/connect`: the client is there, and waits for messages. Whether the reply is held back is the transport's affair.
 *
 * Request   MUST have  channel, clientId, connectionType · MAY have  advice {timeout, interval}, ext, id
 * Reply     successful, and advice whenever the client does not have the current one
 * Source: book appendix C, "Connect"; server-behaviour of advice as in Java CometD.
 */
import type { ServerMessage } from '../message.ts';
import type { Rooms } from '../rooms.ts';
import type { Session } from '../session/session.ts';
import { refuse, refuseUnknown } from './reply.ts';

export function connect(rooms: Rooms, session: Session, message: ServerMessage, reply: ServerMessage): void {
  if (!session.connected()) return refuseUnknown(reply, true);
  rooms.sessions.connected(session);
  reply.successful = true;
  session.timing.takeClientAdvice(message.advice);
  const advice = session.timing.takeAdvice();
  if (advice) reply.advice = { ...reply.advice, ...advice };
}

/**
 * The last words of a connect reply, when it is about to be sent: advice as of now, and none to a client that is gone.
 * `pause` is how long the client is asked to wait before it comes again, in ms.
 */
export function concludeConnect(session: Session, reply: ServerMessage, pause: number): void {
  if (session.isCutOff) return refuseUnknown(reply, true);
  if (session.state === 'disconnected') {
    reply.advice = { ...reply.advice, reconnect: 'none' };
    return;
  }
  if (!reply.successful || session.isTerminated) return;
  if (session.farewell && session.isSettled) {
    // As to a client whose session has gone: all of them know what to do then.
    refuse(reply, 'session_unknown');
    reply.advice = { ...session.farewell };
    return session.leave();
  }
  // Advice about other clients of the browser stands alone; the normal one follows when they are gone.
  if (reply.advice?.['multiple-clients']) return session.timing.readvise();
  if (pause > 0) session.timing.postpone(pause);
  const advice = session.timing.takeAdvice();
  if (advice) reply.advice = { ...reply.advice, ...advice };
}
