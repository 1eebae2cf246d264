/** What every door does alike: read a payload, pass its messages through the hall one by one, tell how it is refused. */
import {
  chain,
  decode,
  decodeAll,
  every,
  isPromise,
  type Limits,
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

/** Nodes push whole maps and lists of users to each other; what bounds them is the size of a payload, and its depth. */
const boundless: Partial<Limits> = {
  maxMessages: Number.MAX_SAFE_INTEGER,
  maxKeys: Number.MAX_SAFE_INTEGER,
  maxNodes: Number.MAX_SAFE_INTEGER,
};

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
  const { limits } = rooms.settings;
  const options = { json: rooms.json, limits: isNode ? { ...limits, ...boundless } : limits };
  const [first] = texts;
  const { messages, dataTexts } =
    texts.length === 1 && first !== undefined ? decode(first, options) : decodeAll(texts, options);
  if (messages.length > 1 && messages.some((message) => message.channel === META_HANDSHAKE)) {
    throw new PayloadError('envelope_invalid', 'A handshake must be the only message of its payload');
  }
  return messages.map((fields, index) => {
    const message = new ServerMessage(fields, dataTexts?.[index]);
    message.context = context;
    return message;
  });
}

/** What a door does about connects. */
export interface ConnectKeeper {
  /** A connect is about to be processed: an older one of the session ends. */
  begin(): void;
  /** A connect was processed. True when the door keeps its reply and answers later. */
  hold(message: ServerMessage, reply: ServerMessage): boolean;
}

/** Processes messages in order, each after the one before is done, and collects the replies that are to be sent now. */
export function receiveAll(
  hall: Hall,
  session: Session | null,
  messages: readonly ServerMessage[],
  keeper: ConnectKeeper,
  replies: ServerMessage[],
): Maybe<boolean> {
  const [only] = messages;
  if (messages.length === 1 && only) return receive(hall, session, only, keeper, replies);
  return every(messages, (message) => receive(hall, session, message, keeper, replies));
}

// The steps of one message. What is synchronous makes no closure: this is the way of every poll.

function receive(
  hall: Hall,
  session: Session | null,
  message: ServerMessage,
  keeper: ConnectKeeper,
  replies: ServerMessage[],
): Maybe<boolean> {
  if (message.channel === META_CONNECT) keeper.begin();
  const reply = hall.process(session, message);
  if (!isPromise(reply)) return processed(hall, session, message, reply, keeper, replies);
  return chain(reply, (given) => processed(hall, session, message, given, keeper, replies));
}

function processed(
  hall: Hall,
  session: Session | null,
  message: ServerMessage,
  reply: ServerMessage,
  keeper: ConnectKeeper,
  replies: ServerMessage[],
): Maybe<boolean> {
  if (message.channel === META_CONNECT) {
    if (keeper.hold(message, reply)) return true;
    if (session) hall.conclude(session, reply);
  }
  const left = hall.leave(session, reply);
  return isPromise(left) ? chain(left, (given) => keep(given, replies)) : keep(left, replies);
}

function keep(reply: ServerMessage | null, replies: ServerMessage[]): true {
  if (reply) replies.push(reply);
  return true;
}

/** Whether a connect's reply may be held back at all: it succeeded, the session was connected before, and there is time to wait. */
export function mayHold(session: Session, reply: ServerMessage, wasConnected: boolean): boolean {
  if (session.farewell) return false;
  return reply.successful === true && wasConnected && session.isConnected && session.timing.holdTime > 0;
}
