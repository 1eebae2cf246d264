/** How a session reaches its client. A transport fits this interface; the session knows no transport. */

/** Why a conduit loses its session. */
export type Ending = 'replaced' | 'expired' | 'stopped';

/** The road from a session's queue to its client. At most one at a time is bound to a session. */
export interface Conduit {
  /** Mail waits, or the session has ended: take the queue as soon as it may travel. Must return at once and never throw. */
  flush(): void;
  /** The queue is full: take it in this very call, if the client can have it now. */
  relieve(): void;
  /** The session is no longer served here: let go of what is held for it. Nothing may be taken from its queue any more. */
  release(ending: Ending): void;
}
