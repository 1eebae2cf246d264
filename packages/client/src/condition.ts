/** The condition of a typed client: what the engine does, as the one value that an application shows its user. */
import { ClientError } from './error.ts';
import type { Status } from './status.ts';

export class Condition {
  status: Status = { type: 'disconnected' };
  /** Why the client is not connected. */
  trouble: Error | undefined;
  /** Whether the server itself said no, so that it is there. */
  refused = false;
  /** The server does not know the session any more, and nobody has been told yet. */
  sessionLost = false;
  /** Whether the server keeps messages until they are acknowledged. */
  acknowledges = false;
  readonly #tell: (status: Status, previous: Status) => void;
  #attempt = 0;
  /** The session in which the client was connected last. */
  #lastId: string | null = null;
  #interrupted = false;
  /** What was told when it was connected last. */
  #usual: Status | undefined;

  constructor(tell: (status: Status, previous: Status) => void) {
    this.#tell = tell;
  }

  set(status: Status): void {
    const previous = this.status;
    this.status = status;
    this.#tell(status, previous);
  }

  begin(): void {
    this.#attempt = 0;
    this.#lastId = null;
    this.#interrupted = false;
    this.trouble = undefined;
    this.refused = false;
    this.set({ type: 'connecting' });
  }

  interrupted(): void {
    this.#interrupted = true;
  }

  /** The next attempt begins in `delay` ms; `anew`: it asks for a new session. */
  waiting(delay: number, anew: boolean): void {
    const { trouble, sessionLost } = this;
    const reason = trouble ?? gone();
    if (sessionLost) this.set({ type: 'session-lost', reason });
    if (anew && this.#lastId !== null && (sessionLost || this.refused)) {
      this.set({ type: 're-handshaking', reason: trouble ?? null });
    } else this.set({ type: 'unconnected', reason, nextTry: delay, attempt: ++this.#attempt });
    this.sessionLost = false;
  }

  /** A connect was answered. */
  connected(id: string, transport: string, preferred: string | undefined): void {
    const first = this.#lastId === null;
    const recovered = first || this.#lastId === id;
    const gap = !first && !(recovered && (this.acknowledges || !this.#interrupted));
    const known = this.status === this.#usual && this.#lastId === id;
    this.trouble = undefined;
    this.#attempt = 0;
    this.#lastId = id;
    this.#interrupted = false;
    if (known) return;
    this.set({ type: 'connected', transport, id, recovered, gap });
    if (preferred !== transport)
      this.set({ type: 'degraded', reason: `${transport} is in use instead of ${preferred}` });
    this.#usual = this.status;
  }
}

/** The error of what belonged to a session that is over. */
export function gone(): ClientError {
  return new ClientError('disconnected', 'The session has ended');
}
