/** What the mesh hands to its discoveries: the way from a URL that was heard of to a node that was reached. */
import type { Seeker } from './discovery.ts';

/** What a seeker asks of the mesh. */
export interface SeekerHost {
  readonly url: string;
  known(): readonly string[];
  observe(url: string): void;
  deobserve(url: string): void;
  isReached(url: string): boolean;
  failed(error: unknown): void;
}

export class MeshSeeker implements Seeker {
  readonly #host: SeekerHost;
  /** Attempts under way, by URL. */
  readonly #attempts: Map<string, { readonly timer: NodeJS.Timeout; readonly done: (reached: boolean) => void }> =
    new Map();

  constructor(host: SeekerHost) {
    this.#host = host;
  }

  get url(): string {
    return this.#host.url;
  }

  get knownComets(): readonly string[] {
    return this.#host.known();
  }

  observe(url: string): void {
    this.#host.observe(url);
  }

  async attempt(url: string, timeout: number): Promise<boolean> {
    if (url === this.url || this.#host.isReached(url)) return true;
    if (this.knownComets.includes(url)) return false;
    this.#host.observe(url);
    if (!this.knownComets.includes(url)) return false;
    return new Promise((done) => {
      const timer = setTimeout(() => {
        this.#attempts.delete(url);
        if (!this.#host.isReached(url)) this.#host.deobserve(url);
        done(this.#host.isReached(url));
      }, timeout);
      this.#attempts.set(url, { timer, done });
    });
  }

  failed(error: unknown): void {
    this.#host.failed(error);
  }

  /** A link was answered: perhaps one somebody waits for. */
  look(): void {
    for (const [url, { timer, done }] of this.#attempts) {
      if (!this.#host.isReached(url)) continue;
      clearTimeout(timer);
      this.#attempts.delete(url);
      done(true);
    }
  }

  stop(): void {
    for (const { timer, done } of this.#attempts.values()) {
      clearTimeout(timer);
      done(false);
    }
    this.#attempts.clear();
  }
}
