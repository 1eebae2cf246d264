/** One WebSocket connection: frames in, one at a time; replies and messages out, once per turn of the event loop. */
import type { Duplex } from 'node:stream';
import { attempt, chain, isConnect, isPromise, type Maybe, META_HANDSHAKE, PayloadError } from '@cometd-ts/protocol';
import type { ServerMessage } from '../message.ts';
import type { WebSocketOptions } from '../options.ts';
import type { Hall } from '../receive.ts';
import type { Rooms } from '../rooms.ts';
import type { Conduit, Ending } from '../session/conduit.ts';
import type { Outlet } from '../session/flusher.ts';
import type { Hold } from '../session/holds.ts';
import type { Neighbour } from '../session/neighbours.ts';
import type { Session } from '../session/session.ts';
import type { Via } from '../session/timing.ts';
import { WebSocketError } from '../websocket/frame.ts';
import type { FrameLimits } from '../websocket/reader.ts';
import { HIGH_WATER, ServerWebSocket, type WebSocketListener } from '../websocket/socket.ts';
import type { RequestContext } from './context.ts';
import type { FrameCache } from './frames.ts';
import { Outbox } from './outbox.ts';
import { Relay } from './relay.ts';
import { mayHold, type Reception, readPayload, receiveAll } from './transport.ts';
import { Vigil } from './vigil.ts';

/** What a connection needs from its transport. */
export interface ConnectionHost {
  readonly rooms: Rooms;
  readonly hall: Hall;
  readonly via: Via;
  readonly options: Readonly<WebSocketOptions>;
  readonly limits: FrameLimits;
  /** Frames for all, and for those who take them compressed. */
  readonly frames: FrameCache;
  readonly compressedFrames: FrameCache;
  closed(connection: Connection): void;
  /** The connection serves a session of a neighbour from now on. */
  passedOn(connection: Connection): void;
}

const CLOSE_NORMAL = 1000;
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_BAD_DATA = 1007;
const CLOSE_POLICY = 1008;
const CLOSE_FAILURE = 1011;
const CLOSE_RESTART = 1012;

interface Held {
  readonly message: ServerMessage;
  readonly reply: ServerMessage;
  readonly connect: number;
}

/** Listeners of a queue may be shown it. */
const none: readonly ServerMessage[] = Object.freeze([]);

export class Connection implements Conduit, Outlet, Reception, Hold, WebSocketListener {
  dirty = false;
  deadline = 0;
  previous: Hold | null = null;
  next: Hold | null = null;
  list: Hold['list'] = null;
  readonly #host: ConnectionHost;
  readonly #webSocket: ServerWebSocket;
  readonly #context: RequestContext;
  readonly #frames: FrameCache;

  #session: Session | null = null;
  #held: Held | null = null;
  #connect = 0;
  #wasConnected = false;
  /** What goes out with the next write, in order: replies, and the messages that were taken to travel before them. None when there is none. */
  #outbox: Outbox | null = null;
  readonly #vigil: Vigil;
  /** Replies to the frame being processed. */
  #replies: ServerMessage[] | null = null;
  /** Frames that have to wait. */
  #waiting: string[] = [];
  #busy = false;
  #isTaking = false;
  /** The way to the neighbour whose session this is. Then nothing else is done here. */
  #relay: Relay | null = null;

  /** `head` is what came behind the request; `isCompressing`: permessage-deflate was agreed on. */
  constructor(host: ConnectionHost, socket: Duplex, head: Buffer, isCompressing: boolean, context: RequestContext) {
    this.#host = host;
    this.#context = context;
    this.#frames = isCompressing ? host.compressedFrames : host.frames;
    this.#vigil = new Vigil(host.options, socket, host.rooms.clock);
    this.#webSocket = new ServerWebSocket(socket, head, host.limits, isCompressing, this);
  }

  // Frames in

  alive(): void {
    this.#vigil.alive();
    this.#relay?.alive();
  }

  text(text: string): void {
    if (this.#relay) return this.#relay.text(text);
    this.#vigil.alive();
    if (this.#isTaking || this.#busy || this.#isFull || this.#waiting.length > 0) this.#waiting.push(text);
    else this.#take(text);
    this.#next();
  }

  binary(data: Buffer): void {
    if (this.#relay) return this.#relay.binary(data);
    this.#close(CLOSE_UNSUPPORTED, 'Only text frames carry Bayeux messages');
  }

  #receive(text: string): void {
    const { rooms } = this.#host;
    let messages: ServerMessage[];
    try {
      messages = readPayload(rooms, [text], this.#context, this.#session?.isNode);
    } catch (error) {
      return this.#refused(error);
    }
    const owner = this.#ownerOf(messages);
    if (owner) this.#passOn(owner, text, messages);
    else this.#process(messages);
  }

  #process(messages: readonly ServerMessage[]): void {
    const session = this.#sessionFor(messages);
    const isHandshake = messages[0]?.channel === META_HANDSHAKE;
    this.#busy = true;
    try {
      if (session && !isHandshake) this.#bind(session);
      const received = receiveAll(this.#host.hall, session, messages, this);
      if (isPromise(received)) return this.#processedLater(received, session, messages);
    } catch (error) {
      this.#failed(error);
    }
    this.#processed(session, messages);
  }

  #processedLater(received: Maybe<boolean>, session: Session | null, messages: readonly ServerMessage[]): void {
    const done = attempt<unknown>(
      () => received,
      (error) => this.#failed(error),
    );
    chain(done, () => this.#processed(session, messages));
  }

  #failed(error: unknown): void {
    this.#host.rooms.diagnostics.failed('receive', error);
    this.#close(CLOSE_FAILURE, 'The server failed');
  }

  #processed(session: Session | null, messages: readonly ServerMessage[]): void {
    this.#busy = false;
    if (messages[0]?.channel === META_HANDSHAKE && session?.isHandshook) this.#session = session;
    const replies = this.#replies ?? none;
    this.#replies = null;
    const connect = !this.#held && messages.some(isConnect) ? this.#connect : null;
    this.#answer(session, replies, connect);
    if (this.#host.rooms.rates.isCut(this.#context)) this.#cutOff();
    this.#next();
  }

  /** The server that has the session, on a fresh connection. A neighbour's own connections go no further. */
  #ownerOf(messages: readonly ServerMessage[]): Neighbour | undefined {
    const { rooms, options } = this.#host;
    if (!rooms.neighbours.areThere || this.#session || this.#context.isPassed) return undefined;
    const [first] = messages;
    const clientId: unknown = first?.clientId;
    if (options.requireHandshakePerConnection || first?.channel === META_HANDSHAKE) return undefined;
    if (typeof clientId !== 'string' || rooms.sessions.get(clientId)) return undefined;
    return rooms.neighbours.ownerOf(clientId);
  }

  /** What comes goes to the neighbour from now on, and what it says to the client. When it is not there, this server answers. */
  #passOn(owner: Neighbour, text: string, messages: readonly ServerMessage[]): void {
    this.#busy = true;
    this.write();
    owner.open(this.#context.passed('GET')).then(
      (pipe) => {
        const relay = new Relay(this.#webSocket, pipe);
        if (!this.#isOpen) return relay.closed();
        this.#relay = relay;
        this.#host.passedOn(this);
        for (const waiting of [text, ...this.#waiting.splice(0)]) relay.text(waiting);
        this.#webSocket.resume();
      },
      () => this.#process(messages),
    );
  }

  /** Takes the frames that wait, one after another, for as long as their answers find room. Else nothing more is read. */
  #next(): void {
    if (this.#isTaking) return;
    while (this.#waiting.length > 0 && !this.#busy && !this.#isFull) this.#take(this.#waiting.shift() as string);
    if (this.#busy || this.#isFull) this.#webSocket.pause();
    else if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  /** What is asked for meanwhile, further frames that is, is left to whoever called. */
  #take(text: string): void {
    this.#isTaking = true;
    this.#receive(text);
    this.#isTaking = false;
  }

  /** The peer breaks the protocol or a limit, or the network breaks. */
  failed(error: Error): void {
    const { diagnostics } = this.#host.rooms;
    diagnostics.debug('websocket', () => `A WebSocket failed: ${error.message}`);
    if (!(error instanceof WebSocketError)) return;
    if (error.limit) diagnostics.limitHit(error.limit);
    // What came before it has its answers.
    this.#empty();
  }

  /** A payload is refused as a whole. */
  #refused(error: unknown): void {
    const { diagnostics } = this.#host.rooms;
    if (!(error instanceof PayloadError)) {
      diagnostics.failed('websocket', error);
      return this.#close(CLOSE_FAILURE, 'The server failed');
    }
    diagnostics.rejected(error.code, error.message);
    if (error.limit) diagnostics.limitHit(error.limit);
    this.#close(error.code === 'json_invalid' ? CLOSE_BAD_DATA : CLOSE_POLICY, error.message);
  }

  /** The session that handshook here; on a fresh connection, the one the first message names. */
  #sessionFor(messages: readonly ServerMessage[]): Session | null {
    const { rooms, via, options } = this.#host;
    const [first] = messages;
    if (first?.channel === META_HANDSHAKE) {
      this.#detach();
      return rooms.sessions.create(via);
    }
    if (this.#session?.isTerminated) this.#detach();
    if (this.#session) return this.#session;
    const clientId: unknown = first?.clientId;
    if (options.requireHandshakePerConnection || typeof clientId !== 'string') return null;
    const session = rooms.sessions.get(clientId);
    if (!session || session.isLocalSession) return null;
    this.#session = session;
    return session;
  }

  #detach(): void {
    if (this.#session?.conduit === this) this.#session.bind(null);
    this.#session = null;
  }

  /** From its first message after the handshake on, the session's queue comes out here. */
  #bind(session: Session): void {
    if (session.conduit === this) return;
    session.timing.via = this.#host.via;
    session.bind(this);
    if (session.hasNonLazyMessages) this.flush();
  }

  reply(reply: ServerMessage): void {
    if (this.#replies) this.#replies.push(reply);
    else this.#replies = [reply];
  }

  // Connects

  begin(): void {
    const session = this.#session;
    if (!session) return;
    this.#cancelHeld();
    this.#connect = session.timing.beginConnect();
    this.#wasConnected = session.isConnected;
  }

  hold(message: ServerMessage, reply: ServerMessage): boolean {
    const session = this.#session;
    if (!session || !this.#isOpen || !session.timing.isCurrentConnect(this.#connect)) return false;
    if (this.#isDeliverOnly(session) && session.hasNonLazyMessages && !session.isBatching) return false;
    if (!mayHold(session, reply, this.#wasConnected)) return false;
    session.timing.suspendExpiration();
    session.notify('suspended', session, message, session.timing.holdTime);
    this.#held = { message, reply, connect: this.#connect };
    this.#host.rooms.holds.start(this, session.timing.holdTime);
    if (session.hasNonLazyMessages) this.flush();
    return true;
  }

  expire(): void {
    this.#resume(true);
  }

  /** Answers the held connect; with deliver-only sessions, the queue goes in front of its reply. */
  #resume(timeout: boolean): void {
    const session = this.#session;
    const held = this.#held;
    if (!session || !held) return;
    this.#cancelHeld();
    session.notify('resumed', session, held.message, timeout);
    this.#host.hall.conclude(session, held.reply);
    const { diagnostics } = this.#host.rooms;
    const left = diagnostics.guard('resume', null, () => this.#host.hall.leave(session, held.reply));
    chain(left, (reply) => this.#answer(session, reply ? [reply] : [], held.connect));
  }

  #cancelHeld(): void {
    if (!this.#held) return;
    this.#host.rooms.holds.stop(this);
    this.#held = null;
  }

  // The road to the client

  flush(): void {
    this.#host.rooms.flusher.add(this);
  }

  relieve(): void {
    if (!this.#isBlocked && this.#session && (this.#held || !this.#isDeliverOnly(this.#session))) this.write();
  }

  release(ending: Ending): void {
    const held = this.#held;
    this.#cancelHeld();
    this.#putBack();
    // The connect is never answered: from now on the client has to come back in time.
    if (held) this.#session?.timing.armExpiration(held.connect);
    this.#session = null;
    if (ending === 'expired' && held) this.#close(CLOSE_NORMAL, 'The session has expired');
    if (ending === 'stopped') this.#close(CLOSE_RESTART, 'The server stops');
  }

  /** Takes what may travel now, and writes it together with what waits in the outbox. */
  write(): void {
    if (this.#relay || !this.#isOpen || this.#isBlocked) return;
    const session = this.#session;
    if (session?.conduit === this) {
      const isSentAway = session.farewell !== null && this.#held !== null;
      const isDue = session.hasMessages && !session.isBatching;
      if (session.isTerminated || isSentAway || (isDue && this.#isDeliverOnly(session))) {
        if (this.#held) this.#resume(false);
        else if (session.isTerminated) this.#put('queue', session.takeQueue(none));
      } else if (isDue) {
        if (!this.#outbox) return this.#send(this.#frames.bytesOf(session.takeQueue(none)));
        this.#put('queue', session.takeQueue(none));
      }
    }
    this.#empty();
    if (this.#host.rooms.drain.isClosed && !this.#session?.isHandshook && !this.#session?.hasMessages)
      return this.#close(CLOSE_RESTART, 'The server drains');
    if (this.#webSocket.isPaused) this.#next();
  }

  /**
   * Replies are ready: the messages queued before them travel first, a handshake reply before everything. `connect` is
   * the connect that ends with them, or null. It ends even when an extension has swallowed its reply.
   */
  #answer(session: Session | null, replies: readonly ServerMessage[], connect: number | null): void {
    if (connect !== null) session?.timing.armExpiration(connect);
    if (!this.#isOpen) return;
    const [first] = replies;
    const isHandshake = first?.channel === META_HANDSHAKE;
    try {
      if (isHandshake && first && session) this.#answerHandshake(session, first);
      else {
        const queue = session && this.#mayCarry(session, connect !== null) ? session.takeQueue(replies) : [];
        this.#push(session, queue, replies);
      }
    } catch (error) {
      this.#host.rooms.diagnostics.failed('websocket', error);
      return this.#close(CLOSE_FAILURE, 'The reply cannot be written');
    }
    if (this.#outbox) this.flush();
  }

  #answerHandshake(session: Session, reply: ServerMessage): void {
    const carries = reply.successful === true && session.allowMessageDeliveryDuringHandshake;
    const queue = carries ? session.takeQueue([reply]) : [];
    if (queue.length > 0) reply['x-messages'] = queue.filter((message) => message.data !== undefined).length;
    if (session.isRetaining) return this.#put('replies', [reply, ...queue]);
    this.#put('replies', [reply]);
    this.#put('queue', queue);
  }

  /** What is kept until the client has it shares a frame with the reply that numbers it: both arrive, or none. */
  #push(session: Session | null, queue: readonly ServerMessage[], replies: readonly ServerMessage[]): void {
    if (session?.isRetaining && queue.length > 0) return this.#put('replies', [...queue, ...replies]);
    this.#put('queue', queue);
    this.#put('replies', replies);
  }

  /** Whether messages leave with the replies to connects only. */
  #isDeliverOnly(session: Session): boolean {
    return session.isDeliverOnly(this.#host.options);
  }

  /** Whether queued messages travel with replies: behind a peer that does not read they stay in the queue, and bounded. */
  #mayCarry(session: Session, hasConnect: boolean): boolean {
    if (session.isRetaining) return hasConnect;
    if (session.conduit !== this || session.isBatching || this.#isBlocked) return false;
    return hasConnect || (!this.#isDeliverOnly(session) && session.hasMessages);
  }

  /** The session goes elsewhere before all was written: its messages go with it. */
  #putBack(): void {
    if (this.#outbox) this.#session?.putBack(this.#outbox.takeBack());
  }

  #put(kind: 'queue' | 'replies', messages: readonly ServerMessage[]): void {
    if (messages.length === 0) return;
    this.#outbox ??= new Outbox(this.#host.rooms.json, this.#host.options);
    this.#outbox.push(kind, messages);
  }

  #empty(): void {
    const outbox = this.#outbox;
    if (!outbox) return;
    this.#outbox = null;
    const texts = outbox.texts();
    if (texts.length > 0) this.#send(this.#frames.bytesOfTexts(texts));
  }

  /** A peer that does not read is not read from either. */
  #send(bytes: Buffer): void {
    if (!this.#webSocket.write(bytes) && this.#isBlocked) this.#webSocket.pause();
  }

  get #isOpen(): boolean {
    return this.#webSocket.isOpen;
  }

  /** Bytes written that the peer has not taken. */
  get bufferedBytes(): number {
    return this.#webSocket.bufferedBytes;
  }

  get #isBlocked(): boolean {
    return this.bufferedBytes > HIGH_WATER;
  }

  /** Whether the peer has more to read than it should: then it is not read from either. */
  get #isFull(): boolean {
    return this.#isBlocked || (this.#outbox !== null && this.#outbox.size > HIGH_WATER);
  }

  drained(): void {
    if (this.#relay) return this.#relay.drained();
    this.#vigil.drained();
    this.flush();
    this.#next();
  }

  // Its end

  /** Pings the silent, and ends the connections of those who do not answer, do not read, or never shook hands. */
  sweep(now: number): void {
    if (this.#relay) return;
    if (this.#session?.isTerminated && !this.#session.hasMessages && !this.#held) this.#detach();
    const finding = this.#vigil.look(now, this.#session !== null, this.#isBlocked);
    if (!finding || !this.#isOpen) return;
    if (finding.act === 'ping') return this.#webSocket.ping();
    this.#host.rooms.diagnostics.limitHit(finding.limit);
    if (finding.act === 'cut') return this.#webSocket.terminate();
    const code = finding.limit === 'idleTimeout' ? CLOSE_NORMAL : CLOSE_POLICY;
    this.#close(code, `The limit ws.${finding.limit} was hit`);
  }

  /** The server stops. */
  stop(): void {
    this.#close(CLOSE_RESTART, 'The server stops');
  }

  /** The peer has sent too much that is no Bayeux. Its replies, and that of a held connect, still go out. */
  #cutOff(): void {
    this.write();
    this.#close(CLOSE_POLICY, 'The limit maxBadMessages was hit');
  }

  #close(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.#empty();
    this.#webSocket.close(code, reason);
  }

  /** The socket is gone. The session lives on for its maxInterval: the client may come back on another connection. */
  closed(): void {
    this.#relay?.closed();
    const session = this.#session;
    const wasHeld = this.#held !== null;
    this.#cancelHeld();
    this.#waiting = [];
    if (session?.conduit === this) this.#putBack();
    this.#session = null;
    if (session?.conduit === this) {
      session.unbind(this);
      if (wasHeld) session.timing.armExpiration(this.#connect);
    }
    this.#host.closed(this);
  }
}
