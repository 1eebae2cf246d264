/** How a node finds the others: the contract of discoveries. One living node is enough; the nodes tell each other of the rest. */

/** What a discovery is handed by the mesh. */
export interface Seeker {
  /** The node's own URL. To be told of it does no harm. */
  readonly url: string;
  /** Nodes it has gone to already. */
  readonly knownComets: readonly string[];
  /** Goes to the node at this URL, and tries until it is there. Throws `TypeError` for what is no absolute URL. */
  observe(url: string): void;
  /** Goes to the node at this URL, and forgets it when it cannot be reached within `timeout` ms: for addresses one cannot trust. */
  attempt(url: string, timeout: number): Promise<boolean>;
  /** Something went wrong that an operator should see. The discovery goes on. */
  failed(error: unknown): void;
}

/** Finds nodes from `start` to `stop`. It serves one node, once. */
export interface Discovery {
  /** Rejects when it can never find anybody: then the node does not start. */
  start(seeker: Seeker): void | Promise<void>;
  /** Ends timers and sockets. */
  stop(): void | Promise<void>;
}
