/** The requests that wait for their answer, the oldest first; one timer for all of them. */
import { OortServiceError } from './answer.ts';

export interface Waiting {
  /** URL of the node that was asked; null when all were. */
  readonly target: string | null;
  succeeded(data: unknown): void;
  failed(error: OortServiceError): void;
}

interface Entry {
  readonly waiting: Waiting;
  readonly until: number;
}

export class Pending {
  readonly #timeout: number;
  readonly #limit: number;
  readonly #entries: Map<number, Entry> = new Map();
  #timer: NodeJS.Timeout | undefined;

  /** @param timeout ms until a request has failed; @param limit how many may wait */
  constructor(timeout: number, limit: number) {
    this.#timeout = timeout;
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get isFull(): boolean {
    return this.#entries.size >= this.#limit;
  }

  add(id: number, waiting: Waiting): void {
    this.#entries.set(id, { waiting, until: performance.now() + this.#timeout });
    this.#arm();
  }

  /** Takes the request out; undefined when it has its answer, or its end, already. Only who was asked may answer. */
  take(id: number, from?: string): Waiting | undefined {
    const waiting = this.#entries.get(id)?.waiting;
    if (!waiting || (from !== undefined && waiting.target !== null && waiting.target !== from)) return undefined;
    this.#entries.delete(id);
    if (this.#entries.size === 0) this.#disarm();
    return waiting;
  }

  /** A node has left: what it alone was asked has failed. */
  left(url: string): void {
    for (const [id, { waiting }] of this.#entries)
      if (waiting.target === url) this.take(id)?.failed(new OortServiceError('left', `The node ${url} has left`));
  }

  stop(): void {
    for (const id of this.#entries.keys())
      this.take(id)?.failed(new OortServiceError('stopped', 'The service was stopped'));
  }

  #arm(): void {
    const [oldest] = this.#entries.values();
    if (this.#timer || !oldest) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#expire();
        this.#arm();
      },
      Math.max(0, Math.ceil(oldest.until - performance.now())),
    );
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    const now = performance.now();
    for (const [id, { until }] of this.#entries) {
      if (until > now) return;
      this.take(id)?.failed(new OortServiceError('timeout', `Nobody has answered within ${this.#timeout} ms`));
    }
  }
}
