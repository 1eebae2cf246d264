/** What every door does alike: read a payload, pass its messages through the hall one by one, tell how it is refused. */
import {
  chain,
  decode,
  decodeAll,
  every,
  isPromise,
  type Maybe,
  META_CONNECT,
  META_HANDSHAKE,
  PayloadError,
} from '@cometd-ts/protocol';
import type { BayeuxContext } from '../api.ts';
import { ServerMessage } from '../message.ts';
import type { Hall } from '../receive.ts';
import type { Rooms } from '../rooms.ts';
import type { Session } from '../session/session.ts';

/**
 * The messages of one payload, given as one text or, form-encoded, as several. Throws `PayloadError`: then nothing of it is
 * processed. `isNode`: it comes from a node of the cluster.
 */
export function readPayload(
  rooms: Rooms,
  texts: readonly string[],
  context: BayeuxContext,
  isNode = false,
): ServerMessage[] {
  const options = isNode ? rooms.decoding.ofNodes : rooms.decoding.ofClients;
  const [first] = texts;
  const { messages, dataTexts } =
    texts.length === 1 && first !== undefined ? decode(first, options) : decodeAll(texts, options);
  if (messages.length > 1 && messages.some((message) => message.channel === META_HANDSHAKE)) {
    throw new PayloadError('envelope_invalid', 'A handshake must be the only message of its payload');
  }
  const [only] = messages;
  if (messages.length === 1 && only) return [new ServerMessage(only, dataTexts?.[0], context)];
  return messages.map((fields, index) => new ServerMessage(fields, dataTexts?.[index], context));
}

/** What a door does while the messages of a payload are processed. */
export interface Reception {
  /** A connect is about to be processed: an older one of the session ends. */
  begin(): void;
  /** A connect was processed. True when the door keeps its reply and answers later. */
  hold(message: ServerMessage, reply: ServerMessage): boolean;
  /** A reply is to be sent now, behind those before it. */
  reply(reply: ServerMessage): void;
}

/** Processes messages in order, each after the one before is done. */
export function receiveAll(
  hall: Hall,
  session: Session | null,
  messages: readonly ServerMessage[],
  reception: Reception,
): Maybe<boolean> {
  const [only] = messages;
  return messages.length === 1 && only
    ? receive(hall, session, only, reception)
    : receiveEach(hall, session, messages, reception);
}

function receiveEach(
  hall: Hall,
  session: Session | null,
  messages: readonly ServerMessage[],
  reception: Reception,
): Maybe<boolean> {
  return every(messages, (message) => receive(hall, session, message, reception));
}

// The steps of one message. Functions of their own make the closures, so that what is synchronous makes none: this is the
// way of every poll.

function receive(hall: Hall, session: Session | null, message: ServerMessage, reception: Reception): Maybe<boolean> {
  if (message.channel === META_CONNECT) reception.begin();
  const reply = hall.process(session, message);
  return isPromise(reply)
    ? processedLater(hall, session, message, reply, reception)
    : processed(hall, session, message, reply, reception);
}

function processedLater(
  hall: Hall,
  session: Session | null,
  message: ServerMessage,
  reply: Maybe<ServerMessage>,
  reception: Reception,
): Maybe<boolean> {
  return chain(reply, (given) => processed(hall, session, message, given, reception));
}

function processed(
  hall: Hall,
  session: Session | null,
  message: ServerMessage,
  reply: ServerMessage,
  reception: Reception,
): Maybe<boolean> {
  if (message.channel === META_CONNECT) {
    if (reception.hold(message, reply)) return true;
    if (session) hall.conclude(session, reply);
  }
  const left = hall.leave(session, reply);
  return isPromise(left) ? leftLater(left, reception) : handOver(left, reception);
}

function leftLater(reply: Maybe<ServerMessage | null>, reception: Reception): Maybe<boolean> {
  return chain(reply, (given) => handOver(given, reception));
}

function handOver(reply: ServerMessage | null, reception: Reception): true {
  if (reply) reception.reply(reply);
  return true;
}

/** Whether a connect's reply may be held back at all: it succeeded, the session was connected before, and there is time to wait. */
export function mayHold(session: Session, reply: ServerMessage, wasConnected: boolean): boolean {
  if (session.farewell) return false;
  return reply.successful === true && wasConnected && session.isConnected && session.timing.holdTime > 0;
}
