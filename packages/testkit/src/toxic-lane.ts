/** One way of one proxied connection: what came in and may not pass yet, in its order. */

/** How bytes are dealt out. Absent members do nothing. */
export interface Dosage {
  /** Most bytes written at once; what follows goes in a later turn of the event loop. */
  pieces?: number | undefined;
  /** Bytes per second. */
  rate?: number | undefined;
}

export class Lane {
  #held = false;
  #waiting: Buffer[] = [];
  #ended = false;
  #pending: NodeJS.Immediate | NodeJS.Timeout | undefined;
  readonly #dosage: Dosage;
  readonly #write: (bytes: Buffer) => void;
  readonly #end: () => void;

  constructor(dosage: Dosage, write: (bytes: Buffer) => void, end: () => void) {
    this.#dosage = dosage;
    this.#write = write;
    this.#end = end;
  }

  get isHeld(): boolean {
    return this.#held;
  }

  push(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#pump();
  }

  /** Nothing follows: says so on the other side, once everything before it went through. */
  end(): void {
    this.#ended = true;
    this.#pump();
  }

  /** Keeps everything from here on, until released. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#pump();
  }

  /** Forgets what waits; nothing passes any more. */
  drop(): void {
    this.#waiting = [];
    this.#held = true;
    clearTimeout(this.#pending as NodeJS.Timeout);
    clearImmediate(this.#pending as NodeJS.Immediate);
    this.#pending = undefined;
  }

  #pump(): void {
    while (!this.#held && !this.#pending) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) {
        if (this.#ended) this.#end();
        return;
      }
      this.#portion(bytes);
    }
  }

  /** Writes as much as may go now, and comes back for the rest when its time has come. */
  #portion(bytes: Buffer): void {
    const { pieces, rate } = this.#dosage;
    if (pieces === undefined && rate === undefined) {
      this.#write(bytes);
      return;
    }
    // A timer tells 10 ms apart, but not the time of each byte of a fast line.
    const pause = rate === undefined ? 0 : Math.max(10, 1000 / rate);
    const most = Math.min(
      pieces ?? Infinity,
      rate === undefined ? Infinity : Math.max(1, Math.round((rate * pause) / 1000)),
    );
    if (bytes.length > most) this.#waiting.unshift(bytes.subarray(most));
    const next = (): void => {
      this.#pending = undefined;
      this.#pump();
    };
    this.#pending = rate === undefined ? setImmediate(next) : setTimeout(next, pause);
    this.#write(bytes.subarray(0, most));
  }
}
