/** What a node hears on NATS: it believes nothing that does not look as it should, and nobody who does not belong to the cloud. */
import type { Message } from '@cometd-ts/protocol';
import type { Msg } from '@nats-io/transport-node';
import type { EngineNode } from '../engine.ts';
import type { CatchUp } from './catch-up.ts';
import type { Connection } from './connection.ts';
import type { Inbox } from './inbox.ts';
import type { Event, Membership } from './membership.ts';
import type { Pulses } from './pulses.ts';
import {
  type Heartbeat,
  KIND,
  type Letter,
  letterOf,
  type Pulse,
  readAgain,
  readHeartbeat,
  readIntroduction,
  readMissed,
  SOURCE,
} from './wire.ts';

/** What an ear tells its engine. */
export interface Listener {
  feed(event: Event): void;
  /** A node lives, whether it is known or not. @param pulse of its heartbeat, when it was said to all */
  alive(id: string, pulse?: Pulse): void;
  /** A node has introduced itself, or has left for good: nobody has to wait for it any more. */
  settled(id: string): void;
  /** A node asks for what it has missed. */
  asked(id: string, after: number): void;
  /** Something a node has said is lost for good. */
  lost(id: string): void;
  /** A node has said this, and it was not heard. Its turn is over: what came after it was heard. */
  missing(id: string, channel: string | null): void;
}

export interface EarRooms {
  readonly node: EngineNode;
  readonly connection: Connection;
  readonly membership: Membership;
  readonly inbox: Inbox;
  readonly catchUp: CatchUp;
  readonly pulses: Pulses;
}

export class Ear {
  readonly #rooms: EarRooms;
  readonly #listener: Listener;
  #isListening = false;

  constructor(rooms: EarRooms, listener: Listener) {
    this.#rooms = rooms;
    this.#listener = listener;
  }

  /** Subscribes to what is said to all, and to this node. */
  start(): void {
    const { connection, node } = this.#rooms;
    const { subjects } = connection;
    const unless = (hear: (message: Msg) => void) => (message: Msg) => {
      if (this.#isListening) hear(message);
    };
    connection.subscribe(
      subjects.heartbeats,
      unless((message) => this.#alive(subjects.nodeOf(message.subject), readHeartbeat(message))),
    );
    connection.subscribe(
      subjects.node(node.id),
      unless((message) => this.#addressed(message)),
    );
  }

  /** What is said before is not heard. */
  listen(): void {
    this.#isListening = true;
  }

  stop(): void {
    this.#isListening = false;
  }

  /** A message of a channel that is wanted here. */
  broadcast(channel: string, message: Msg): void {
    if (!this.#isListening) return;
    const letter = letterOf(message.headers);
    if (letter?.kind !== 'broadcast') return this.#strange('a broadcast');
    this.#open(letter, message, (read) => {
      if (read.channel === channel) this.#rooms.node.arrived(read);
      else this.#strange('a broadcast on another channel');
    });
  }

  #addressed(message: Msg): void {
    const source = message.headers?.get(SOURCE) ?? '';
    const at = performance.now();
    switch (message.headers?.get(KIND)) {
      case 'heartbeat':
        return this.#alive(source, readHeartbeat(message));
      case 'introduction': {
        const introduction = readIntroduction(message);
        if (introduction?.record.id !== source) return this.#strange('an introduction');
        this.#listener.feed({ what: 'introduced', ...introduction, at });
        return this.#listener.settled(source);
      }
      case 'missed': {
        const missed = readMissed(message);
        return missed ? this.#listener.asked(source, missed.after) : this.#strange('a question');
      }
      case 'again': {
        const again = readAgain(message);
        if (!again) return this.#strange('an answer');
        this.#rooms.inbox.trust(source);
        if (this.#rooms.catchUp.end(source) && !again.isWhole) this.#listener.lost(source);
        return;
      }
    }
    const letter = letterOf(message.headers);
    if (!letter || letter.kind === 'broadcast') return this.#strange('a directed message');
    const { node } = this.#rooms;
    this.#open(letter, message, (read) => (letter.kind === 'delivery' ? node.arrived(read) : node.addressed(read)));
  }

  #alive(id: string, heartbeat: Heartbeat | undefined): void {
    if (!heartbeat || id === '') return this.#strange('a heartbeat');
    const { revision, isCall = false, record, isFarewell, pulse } = heartbeat;
    const at = performance.now();
    if (isFarewell) {
      this.#listener.feed({ what: 'farewell', id });
      return this.#listener.settled(id);
    }
    if (record) this.#listener.feed({ what: 'changed', record: { ...record, id }, at });
    else this.#listener.feed({ what: 'heartbeat', id, revision, isCall, at });
    this.#listener.alive(id, pulse);
  }

  /** Reads a letter that was not heard before. Of whom something is missing before it, nothing is heard until that has come. */
  #open(letter: Letter, message: Msg, heard: (read: Message) => void): void {
    const { membership, catchUp, inbox, node, pulses } = this.#rooms;
    if (!membership.record(letter.source)) return node.server.diagnostics.count('nats.latecomer');
    if (catchUp.isBehind(letter.source)) return this.#listener.alive(letter.source);
    pulses.sign(letter.source);
    if (letter.kind !== 'broadcast' && inbox.isMissing(letter)) return this.#missing(letter, message);
    const text = inbox.take(letter, message);
    if (text === null) return;
    const read = this.#read(text);
    if (read) heard(read);
    else this.#strange('no message');
  }

  /** A part of a message does not tell its channel. */
  #missing({ source, pieces }: Letter, message: Msg): void {
    const read = pieces === 1 ? this.#read(message.string()) : null;
    this.#listener.missing(source, read?.channel ?? null);
  }

  #read(text: string): Message | null {
    const { node, connection } = this.#rooms;
    const value = node.server.diagnostics.guard<unknown>('nats', null, () => connection.json.parse(text));
    if (typeof value !== 'object' || value === null || typeof (value as Message).channel !== 'string') return null;
    const message = value as Message;
    delete message.id;
    delete message.clientId;
    return message;
  }

  #strange(what: string): void {
    this.#rooms.node.server.diagnostics.rejected('oort_nats', what);
  }
}
