/** One room: who is in it, and the last things said there. */
import type { ServerSession } from '@cometd-ts/server';

/** Somebody as others see them. The id is never that of the session, which is a secret. */
export interface Member {
  readonly id: string;
  readonly name: string;
}

/** A message as it travels to the members of a room. */
export interface Said {
  readonly key: string;
  readonly from: Member;
  readonly text: string;
  /** Milliseconds since 1970, by the server's clock. */
  readonly at: number;
}

/** A member with the session they sit on. */
export interface Seat {
  readonly member: Member;
  readonly session: ServerSession;
  readonly room: Room;
}

/** Most people in one room, and most messages it remembers. */
export const roomFor = { members: 200, history: 50 } as const;

export class Room {
  readonly name: string;
  readonly #seats: Map<string, Seat> = new Map();
  #history: readonly Said[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get chat(): string {
    return `/chat/${this.name}`;
  }

  get membersChannel(): string {
    return `/members/${this.name}`;
  }

  get isEmpty(): boolean {
    return this.#seats.size === 0;
  }

  get isFull(): boolean {
    return this.#seats.size >= roomFor.members;
  }

  /** In the order of their coming. */
  get members(): readonly Member[] {
    return [...this.#seats.values()].map(({ member }) => member);
  }

  get history(): readonly Said[] {
    return this.#history;
  }

  seatOf(id: string): Seat | undefined {
    return this.#seats.get(id);
  }

  /** Seats somebody, on their own seat if they have one; a name that is taken, here or `elsewhere`, gets a number. */
  seat(session: ServerSession, id: string, wanted: string, elsewhere: readonly Member[] = []): Seat {
    const seat: Seat = { member: { id, name: this.#freeName(id, wanted, elsewhere) }, session, room: this };
    this.#seats.set(id, seat);
    return seat;
  }

  /** False when somebody else sits there by now. */
  leave(seat: Seat): boolean {
    return this.#seats.get(seat.member.id) === seat && this.#seats.delete(seat.member.id);
  }

  /** Remembers a message. One that is sent again, because its reply was lost, stays what it was the first time. */
  remember(said: Said): Said {
    const known = this.#history.find(({ key }) => key === said.key);
    if (known) return known;
    this.#history = [...this.#history, said].slice(-roomFor.history);
    return said;
  }

  #freeName(id: string, wanted: string, elsewhere: readonly Member[]): string {
    const others = [...this.members, ...elsewhere].filter((other) => other.id !== id);
    const taken = new Set(others.map(({ name }) => name.toLowerCase()));
    let name = wanted;
    for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${wanted} ${number}`;
    return name;
  }
}
