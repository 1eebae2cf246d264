/** Whether all that other nodes say arrives here, by their heartbeats, which are numbered. No network, no clock. */

interface Pulse {
  /** Number of the last heartbeat. */
  beat: number;
  /** When the node was heard last, by a heartbeat or anything else. */
  at: number;
  /** Something else was heard since somebody looked. */
  isHeard: boolean;
  isLate: boolean;
}

/**
 * The NATS servers of two nodes can lose each other while both nodes keep their connections: what one says then does not reach the
 * other, and nobody tells them. But heartbeats are lost with it:
 *
 *     heartbeat 41   message   ✕ message   ✕ heartbeat 42   message   heartbeat 43
 *                                             ╰── late, and nothing else: what follows is not heard before it is known what was missed
 *                                                              ╰── not 42: what was missed, and was not known to be late?
 */
export class Pulses {
  readonly #heartbeat: number;
  readonly #late: number;
  readonly #all: Map<string, Pulse> = new Map();
  #looked: number | null = null;

  /** @param heartbeat between two of a node, in ms */
  constructor(heartbeat: number) {
    this.#heartbeat = heartbeat;
    this.#late = 1.5 * heartbeat;
  }

  /** A heartbeat was heard. False when one before it is missing. */
  heard(id: string, beat: number, at: number): boolean {
    const known = this.#all.get(id);
    this.#all.set(id, { beat, at, isHeard: false, isLate: false });
    return known === undefined || beat <= known.beat + 1;
  }

  /** Something else was heard of a node. */
  sign(id: string): void {
    const pulse = this.#all.get(id);
    if (pulse) pulse.isHeard = true;
  }

  /** Nodes that have been silent for too long, each once. To be asked oftener than hearts beat: when it was not, this process stood still, and not they. */
  late(at: number): string[] {
    const stall = this.#looked === null ? 0 : Math.max(0, at - this.#looked - this.#heartbeat);
    this.#looked = at;
    const late: string[] = [];
    for (const [id, pulse] of this.#all) {
      pulse.at += stall;
      if (pulse.isHeard) {
        pulse.at = at;
        pulse.isHeard = false;
        pulse.isLate = false;
      }
      if (pulse.isLate || at - pulse.at <= this.#late) continue;
      pulse.isLate = true;
      late.push(id);
    }
    return late;
  }

  /** It has left. */
  forget(id: string): void {
    this.#all.delete(id);
  }

  /** The connection of this node is new: heartbeats are counted from here. */
  clear(): void {
    this.#all.clear();
  }
}
