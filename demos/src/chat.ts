/**
 * The chat, on the public API of the server.
 *
 *   /service/chat/join     remote call: { name, room, token } → { you, room, members, history }
 *   /meta/handshake        the same in `ext.chat`, from those who come back: their subscriptions need the seat at once
 *   /service/privatechat   remote call: { to, key, text } → what was delivered, to the addressee on this channel too
 *   /chat/{room}           members publish { key, text }; members hear a `Said`
 *   /members/{room}        members hear { joined } and { left }
 *
 * Rooms are public places: whoever wants to hear one joins it. What is said privately goes to one session and no channel.
 */
import { createHash } from 'node:crypto';
import {
  type AuthorizerResult,
  type BayeuxServer,
  deny,
  grant,
  type ServerMessage,
  type ServerSession,
} from '@cometd-ts/server';
import { Elsewhere, type Node } from './elsewhere.ts';
import { Pace } from './pace.ts';
import { type Member, Room, type Said, type Seat } from './room.ts';
import { fieldsOf, keyFrom, longest, nameFrom, roomFrom, textFrom } from './words.ts';

/** Most rooms at one time. An empty one gives way to a new one. */
const mostRooms = 200;

/** What a remote call answers: the page tells the reason in its own words. */
type Answer = { readonly data: object } | { readonly refused: string };

/** Furnishes a server with the chat. At nodes of a cluster people meet wherever they sit. */
export function chat(bayeux: BayeuxServer, node?: Node): void {
  new Chat(bayeux, node ? new Elsewhere(node) : null).open();
}

class Chat {
  readonly #bayeux: BayeuxServer;
  /** The other nodes; null when there are none. */
  readonly #elsewhere: Elsewhere | null;
  readonly #rooms: Map<string, Room> = new Map();
  readonly #seats: Map<ServerSession, Seat> = new Map();
  readonly #paces: WeakMap<ServerSession, Pace> = new WeakMap();

  constructor(bayeux: BayeuxServer, elsewhere: Elsewhere | null) {
    this.#bayeux = bayeux;
    this.#elsewhere = elsewhere;
  }

  open(): void {
    this.#answer('/service/chat/join', (session, data) => this.#join(session, data));
    this.#answer('/service/privatechat', (session, data) => this.#whisper(session, data));
    this.#bayeux.createChannelIfAbsent('/chat/*', (rooms) => {
      rooms.persistent = true;
      rooms.addAuthorizer({
        authorize: (operation, channel, session, message) =>
          operation === 'PUBLISH'
            ? this.#mayTalk(session, channel.id, message)
            : this.#mayListen(session, (room) => room.chat === channel.id),
      });
      rooms.addListener('message', (session, _channel, message) => this.#say(session, message));
    });
    this.#bayeux.createChannelIfAbsent('/members/*', (rooms) => {
      rooms.persistent = true;
      rooms.addAuthorizer({
        authorize: (operation, channel, session) =>
          operation === 'PUBLISH'
            ? this.#elsewhere?.isFrom(session)
              ? grant()
              : deny('not_yours')
            : this.#mayListen(session, (room) => room.membersChannel === channel.id),
      });
      rooms.addListener('message', (session, channel, { data }) => {
        if (this.#elsewhere?.isFrom(session)) this.#moved(channel.id, data);
      });
    });
    this.#bayeux.addListener('sessionAdded', (session, { ext }) => {
      const { chat } = fieldsOf(ext);
      if (chat !== undefined) this.#join(session, chat);
    });
    this.#bayeux.addListener('sessionRemoved', (session) => this.#leave(session));
  }

  // Coming and going

  #join(session: ServerSession, data: unknown): Answer {
    const { name, room: roomName, token } = fieldsOf(data);
    const wanted = nameFrom(name);
    const place = roomFrom(roomName);
    const secret = keyFrom(token, longest.token);
    if (wanted === undefined) return { refused: 'name' };
    if (place === undefined || secret === undefined) return { refused: 'room' };
    const room = this.#roomNamed(place);
    if (room === undefined) return { refused: 'full' };
    // Whoever comes back from a lost connection brings the same token, is the same person, and finds their seat.
    const id = createHash('sha256').update(secret).digest('base64url').slice(0, 12);
    const former = room.seatOf(id);
    if (room.isFull && !former) return { refused: 'full' };
    const before = this.#seats.get(session);
    if (before && before !== former) this.#leave(session);
    const seat = room.seat(session, id, wanted, this.#elsewhere?.members(room.name));
    // The seat is taken over before it is left, so that nobody hears of a leave that was none.
    if (former && former.session !== session) this.#leave(former.session);
    this.#seats.set(session, seat);
    this.#elsewhere?.seated(seat);
    this.#tell(room, { joined: seat.member });
    return { data: { you: seat.member, room: room.name, members: this.#members(room), history: room.history } };
  }

  #leave(session: ServerSession): void {
    const seat = this.#seats.get(session);
    if (!seat) return;
    const { room, member } = seat;
    if (this.#clear(seat)) this.#tell(room, { left: member });
  }

  /** Takes a seat away without a word. False when somebody else sits there by now. */
  #clear(seat: Seat): boolean {
    const { room, session } = seat;
    this.#seats.delete(session);
    this.#elsewhere?.left(seat);
    for (const name of [room.chat, room.membersChannel]) this.#bayeux.getChannel(name)?.unsubscribe(session);
    return room.leave(seat);
  }

  /** Whoever joins at another node sits there, and no longer here. */
  #moved(channel: string, data: unknown): void {
    const { id } = fieldsOf(fieldsOf(data).joined);
    const room = [...this.#rooms.values()].find(({ membersChannel }) => membersChannel === channel);
    const seat = typeof id === 'string' ? room?.seatOf(id) : undefined;
    if (seat) this.#clear(seat);
  }

  /** Those of all nodes. */
  #members(room: Room): readonly Member[] {
    const here = room.members;
    const others = this.#elsewhere?.members(room.name) ?? [];
    return [...here, ...others.filter(({ id }) => !here.some((member) => member.id === id))];
  }

  #tell(room: Room, news: object): void {
    this.#bayeux.createChannelIfAbsent(room.membersChannel).channel.publish(null, news);
  }

  #roomNamed(name: string): Room | undefined {
    const known = this.#rooms.get(name);
    if (known) return known;
    if (this.#rooms.size >= mostRooms) {
      const empty = [...this.#rooms.values()].find((room) => room.isEmpty);
      if (!empty) return undefined;
      this.#rooms.delete(empty.name);
    }
    const room = new Room(name);
    this.#rooms.set(name, room);
    return room;
  }

  // Talking

  #mayListen(session: ServerSession | null, isThere: (room: Room) => boolean): AuthorizerResult {
    const seat = session && this.#seats.get(session);
    return seat && isThere(seat.room) ? grant() : deny('not_in_room');
  }

  #mayTalk(session: ServerSession | null, channel: string, message: ServerMessage): AuthorizerResult {
    if (this.#elsewhere?.isFrom(session)) return grant();
    const seat = session && this.#seats.get(session);
    if (!seat || seat.room.chat !== channel) return deny('not_in_room');
    const { key, text } = fieldsOf(message.data);
    if (keyFrom(key) === undefined || textFrom(text) === undefined) return deny('text');
    return this.#paceOf(seat.session).take() ? grant() : deny('too_fast');
  }

  // What arrives here has passed the authorizer; the members hear who said it and when from the server, not the sender.
  #say(session: ServerSession | null, message: ServerMessage): boolean {
    if (this.#elsewhere?.isFrom(session)) return this.#overheard(message);
    const seat = session && this.#seats.get(session);
    const said = seat && this.#said(seat, message.data);
    if (!said) return false;
    message.data = seat.room.remember(said);
    return true;
  }

  /** Said at another node: what it has let in is remembered here, too. */
  #overheard({ channel, data }: ServerMessage): boolean {
    const room = this.#roomNamed(channel.slice('/chat/'.length));
    room?.remember(data as Said);
    return true;
  }

  #whisper(session: ServerSession, data: unknown): Answer {
    const seat = this.#seats.get(session);
    if (!seat) return { refused: 'not_in_room' };
    const said = this.#said(seat, data);
    if (!said) return { refused: 'text' };
    if (!this.#paceOf(session).take()) return { refused: 'too_fast' };
    const { to } = fieldsOf(data);
    const addressee = this.#members(seat.room).find(({ id }) => id === to);
    if (!addressee) return { refused: 'nobody' };
    const whispered = { ...said, to: addressee };
    const here = seat.room.seatOf(addressee.id);
    if (here) here.session.deliver(session, '/service/privatechat', whispered);
    else this.#elsewhere?.whisper(addressee.id, '/service/privatechat', whispered);
    return { data: whispered };
  }

  #said(seat: Seat, data: unknown): Said | undefined {
    const fields = fieldsOf(data);
    const key = keyFrom(fields.key);
    const text = textFrom(fields.text);
    if (key === undefined || text === undefined) return undefined;
    return { key: `${seat.member.id}.${key}`, from: seat.member, text, at: Date.now() };
  }

  #paceOf(session: ServerSession): Pace {
    const known = this.#paces.get(session);
    if (known) return known;
    const pace = new Pace();
    this.#paces.set(session, pace);
    return pace;
  }

  /** Serves a remote call: the reply is a message on the same channel with the id of the request. */
  #answer(channel: string, serve: (session: ServerSession, data: unknown) => Answer): void {
    this.#bayeux.createChannelIfAbsent(channel, (service) => {
      service.addListener('message', (session, _channel, { id, data }) => {
        if (!session) return;
        const answer = serve(session, data);
        session.deliver(null, {
          channel,
          ...(id !== undefined && { id }),
          ...('refused' in answer ? { successful: false, data: answer } : { successful: true, data: answer.data }),
        });
      });
    });
  }
}
