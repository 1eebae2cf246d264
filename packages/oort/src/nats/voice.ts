/** What a node says of itself, to all or to one. */
import type { EngineNode } from '../engine.ts';
import type { Connection } from './connection.ts';
import type { NodeRecord } from './membership.ts';
import { type Heartbeat, type Introduction, KIND, SOURCE, type Talk, WIRE_VERSION, type Words } from './wire.ts';

export class Voice {
  readonly #connection: Connection;
  readonly #node: EngineNode;
  readonly #observed: ReadonlySet<string>;
  readonly #started: number = Date.now();
  readonly #sent: () => number;
  #revision = 1;
  #beats = 0;
  #isAnnouncing = false;
  #isSilent = true;

  /** @param observed what this node observes, as it changes; @param sent number of the last message that was sent */
  constructor(connection: Connection, node: EngineNode, observed: ReadonlySet<string>, sent: () => number) {
    this.#connection = connection;
    this.#node = node;
    this.#observed = observed;
    this.#sent = sent;
  }

  /** Nothing is said to all before. */
  speak(): void {
    this.#isSilent = false;
  }

  /** This node lives. */
  heartbeat(): void {
    this.#all({});
  }

  /** All shall say that they live. */
  call(): void {
    this.#all({ isCall: true });
  }

  /** The last word. */
  farewell(): void {
    this.#all({ isFarewell: true });
    this.#isSilent = true;
  }

  /** What this node observes has changed: said once for all that changes in a turn. */
  announce(): void {
    this.#revision++;
    if (this.#isAnnouncing) return;
    this.#isAnnouncing = true;
    setImmediate(() => {
      this.#isAnnouncing = false;
      this.#all({ record: this.#record() });
    });
  }

  answer(id: string): void {
    this.#one(id, 'heartbeat', { revision: this.#revision });
  }

  introduce(id: string, how: Omit<Introduction, 'record'>): void {
    this.#one(id, 'introduction', { record: this.#record(), ...how });
  }

  /** Asks a node for what it has sent after a message that was heard. */
  ask(id: string, after: number): void {
    this.#one(id, 'missed', { after });
  }

  /** What follows is what was asked for. @param isWhole whether nothing of it is missing */
  again(id: string, isWhole: boolean): void {
    this.#one(id, 'again', { isWhole });
  }

  #all(more: Omit<Heartbeat, 'revision' | 'pulse'>): void {
    if (this.#isSilent || !this.#connection.isUp) return;
    const pulse = { beat: ++this.#beats, sent: this.#sent() };
    const heartbeat: Heartbeat = { revision: this.#revision, pulse, ...more };
    this.#connection.publish(this.#connection.subjects.heartbeat(this.#node.id), JSON.stringify(heartbeat));
  }

  #one<Kind extends Talk>(id: string, kind: Kind, words: Words[Kind]): void {
    const headers = this.#connection.client.headers();
    headers.append(SOURCE, this.#node.id);
    headers.append(KIND, kind);
    this.#connection.publish(this.#connection.subjects.node(id), JSON.stringify(words), { headers });
  }

  #record(): NodeRecord {
    const { id, url, alsoOn } = this.#node;
    return {
      id,
      url,
      started: this.#started,
      version: WIRE_VERSION,
      revision: this.#revision,
      observed: [...this.#observed],
      interest: this.#connection.settings.interest,
      ...(alsoOn !== undefined && { alsoOn }),
    };
  }
}
