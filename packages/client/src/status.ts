/** The condition of a client in one value: what an application shows its user. */

/** Why a client is not what it should be. */
export type Status =
  /** Not begun, or ended by the application. */
  | { readonly type: 'disconnected' }
  /** The first handshake is under way. */
  | { readonly type: 'connecting' }
  | {
      readonly type: 'connected';
      /** The transport in use. */
      readonly transport: string;
      /** The session's id. */
      readonly id: string;
      /** Whether this is the session of before; true for the first. False: subscriptions were made anew. */
      readonly recovered: boolean;
      /** Whether messages may have been missed since the client was connected the last time. */
      readonly gap: boolean;
    }
  /** Messages flow, but not as they should: over another transport than the preferred one, or the platform says offline. */
  | { readonly type: 'degraded'; readonly reason: string }
  /** The server is not reached. The next attempt begins in `nextTry` ms. */
  | { readonly type: 'unconnected'; readonly reason: Error; readonly nextTry: number; readonly attempt: number }
  /** A new session is being asked for. */
  | { readonly type: 're-handshaking'; readonly reason: Error | null }
  /** The server does not know the session any more; what it held for it is lost. */
  | { readonly type: 'session-lost'; readonly reason: Error }
  /** The client has given up, or was told to. Only `handshake()` begins anew. */
  | { readonly type: 'terminated'; readonly reason: string; readonly error: Error | null };
