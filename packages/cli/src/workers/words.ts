/** What the supervisor and its workers say to each other. */

/** Where a worker is found by the others, on the loopback interface. */
export interface Place {
  /** Of its node of the cluster. */
  readonly url: string;
  /** Of its door for requests of others. */
  readonly door: number;
}

/** How a worker ends: its clients are sent elsewhere first, or not. */
export type How = 'drain' | 'stop';

/** From the supervisor to a worker. */
export type Order =
  | { readonly say: 'begin'; readonly number: number; readonly secret: string }
  /** All workers that can be reached, by number. */
  | { readonly say: 'neighbours'; readonly version: number; readonly places: Readonly<Record<number, Place>> }
  /** Clients may come. */
  | { readonly say: 'listen' }
  /** With the connection of a client. The next one comes when this one has been taken. */
  | { readonly say: 'take'; readonly id: number }
  /** Has that one come? A process without file descriptors gets neither it nor a word about it. */
  | { readonly say: 'ask'; readonly id: number }
  | { readonly say: 'end'; readonly how: How }
  | { readonly say: 'measure'; readonly id: number }
  | { readonly say: 'page'; readonly id: number; readonly page: Page };

/** From a worker to the supervisor. */
export type Report =
  /** It hears what it is told, from now on. */
  | { readonly say: 'here' }
  | { readonly say: 'open'; readonly place: Place }
  /** It is one cluster with all that were in the list of this version. */
  | { readonly say: 'joined'; readonly version: number }
  | { readonly say: 'listening' }
  /** It has the connection, of which nothing has been read before. */
  | { readonly say: 'taken' }
  /** It has been asked for a connection that has not come. */
  | { readonly say: 'missed'; readonly id: number }
  /** It takes no more connections. */
  | { readonly say: 'closed' }
  /** It cannot start, and the person at the keyboard can mend it. */
  | { readonly say: 'failed'; readonly reason: string }
  /** Once a second: why no clients should be sent here. */
  | { readonly say: 'beat'; readonly reasons: readonly string[] }
  | { readonly say: 'measured'; readonly id: number; readonly text: string }
  /** Somebody with the token asks for a page of management. */
  | { readonly say: 'asked'; readonly id: number; readonly name: string };

/** A page of management. */
export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}
