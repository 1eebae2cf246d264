/** A client in a hurry whose every status is written down. */
import { BayeuxClient, type Message, type NodeClientOptions, type Status } from '@cometd-ts/client/node';

export type Via = 'websocket' | 'long-polling';

export const vias: readonly Via[] = ['websocket', 'long-polling'];

export type Outcome = 'ok' | { readonly refused: unknown };

/** Pauses short enough for tests, patience long enough for a busy machine. */
export const quick: NodeClientOptions = {
  backoffIncrement: 5,
  maxBackoff: 20,
  jitter: 0,
  maxNetworkDelay: 3000,
  connectTimeout: 3000,
  logLevel: 'error',
};

export class Watched {
  readonly client: BayeuxClient;
  readonly statuses: Status[] = [];
  readonly failures: unknown[] = [];
  readonly exceptions: unknown[] = [];
  #look: (() => void)[] = [];

  constructor(url: string, via: Via, options: NodeClientOptions = {}) {
    this.client = new BayeuxClient(url, { ...quick, transports: [via], ...options });
    this.client.addListener('status', (status) => {
      this.statuses.push(status);
      for (const look of [...this.#look]) look();
    });
    this.client.addListener('failure', (failure) => this.failures.push(failure));
    this.client.addListener('exception', (exception) => this.exceptions.push(exception));
  }

  /** The names of the statuses so far, in order. */
  get story(): string[] {
    return this.statuses.map(({ type }) => type);
  }

  /** The first status of one of these types, from number `from` on (default: from now on). */
  status<Type extends Status['type']>(
    types: Type | readonly Type[],
    from: number = this.statuses.length,
    within: number = 8000,
  ): Promise<Extract<Status, { type: Type }>> {
    const wanted = [types].flat() as readonly string[];
    const told = new Promise<Extract<Status, { type: Type }>>((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#look = this.#look.filter((one) => one !== look);
      };
      const look = (): void => {
        const found = this.statuses.slice(from).find(({ type }) => wanted.includes(type));
        if (!found) return;
        done();
        resolve(found as Extract<Status, { type: Type }>);
      };
      const timer = setTimeout(() => {
        done();
        const { state, status } = this.client;
        const story = this.statuses.map((one) => JSON.stringify(one)).join('\n  ');
        reject(
          new Error(`no ${wanted} within ${within} ms, but ${state} ${JSON.stringify(status)}. Statuses:\n  ${story}`),
        );
      }, within);
      this.#look.push(look);
      look();
    });
    // Whoever races it against something else need not look when it loses.
    told.catch(() => undefined);
    return told;
  }
}

/** How a promise of the client's ended; one that never ends is an error, which may be looked at later or never. */
export function outcome(what: string, promise: Promise<unknown>, within: number = 8000): Promise<Outcome> {
  const ended = new Promise<Outcome>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${what} neither resolved nor rejected within ${within} ms`)),
      within,
    );
    const end = (result: Outcome): void => {
      clearTimeout(timer);
      resolve(result);
    };
    promise.then(
      () => end('ok'),
      (refused: unknown) => end({ refused }),
    );
  });
  ended.catch(() => undefined);
  return ended;
}

/** What a subscriber heard, and a promise of the next thing wanted. */
export class Ear<Data = unknown> {
  readonly heard: Data[] = [];
  #wants: { readonly wanted: Data; readonly resolve: () => void }[] = [];

  readonly listen = (message: Message): void => {
    const data = message.data as Data;
    this.heard.push(data);
    for (const { wanted, resolve } of this.#wants) if (wanted === data) resolve();
    this.#wants = this.#wants.filter(({ wanted }) => wanted !== data);
  };

  /** Resolves when this was heard. */
  hears(wanted: Data): Promise<void> {
    if (this.heard.includes(wanted)) return Promise.resolve();
    return new Promise((resolve) => this.#wants.push({ wanted, resolve }));
  }

  count(wanted: Data): number {
    return this.heard.filter((one) => one === wanted).length;
  }
}
