/** The two faces of a client, as services see them. */
import type { CometD, Message } from '@cometd-ts/client';

/** Hears a message. */
export type Hear = (message: Message) => unknown;

/** The part of `BayeuxClient` that services need; every `BayeuxClient`, whatever its channels, fits. */
export interface TypedClient {
  readonly isHandshook: boolean;
  getChannel(name: string): {
    addListener(listener: Hear): { remove(): void };
    subscribe(listener: Hear): Promise<unknown>;
    unsubscribe(listener: Hear): Promise<unknown>;
  };
}

/** A client: the typed one, or the CometD object. */
export type Client = TypedClient | CometD;

/** What a service asks of its client, whichever face it has. */
export interface Face {
  readonly isHandshook: boolean;
  /** Hears a channel, locally. Answers a function that ends it. */
  listen(channel: string, hear: Hear): () => void;
  /** Subscribes in this session; once more in each later one. */
  subscribe(channel: string, hear: Hear): void;
  unsubscribe(channel: string, hear: Hear): void;
  /** Sends together what `block` sends. */
  batch(block: () => void): void;
}

/** `failed` hears of what goes wrong where the client itself tells nobody. */
export function faceOf(client: Client, failed: (error: unknown) => void): Face {
  return 'getChannel' in client ? new TypedFace(client, failed) : new ClassicFace(client, failed);
}

class TypedFace implements Face {
  readonly #client: TypedClient;
  readonly #failed: (error: unknown) => void;

  constructor(client: TypedClient, failed: (error: unknown) => void) {
    this.#client = client;
    this.#failed = failed;
  }

  get isHandshook(): boolean {
    return this.#client.isHandshook;
  }

  listen(channel: string, hear: Hear): () => void {
    const { remove } = this.#client.getChannel(channel).addListener(hear);
    return remove;
  }

  subscribe(channel: string, hear: Hear): void {
    // What is refused is told by the event `failure`.
    this.#client.getChannel(channel).subscribe(hear).catch(ignore);
  }

  unsubscribe(channel: string, hear: Hear): void {
    this.#client.getChannel(channel).unsubscribe(hear).catch(this.#failed);
  }

  batch(block: () => void): void {
    // The client sends together what a turn of the event loop declares.
    block();
  }
}

class ClassicFace implements Face {
  readonly #cometd: CometD;
  readonly #failed: (error: unknown) => void;
  readonly #handles: Map<string, Map<Hear, ReturnType<CometD['subscribe']>>> = new Map();

  constructor(cometd: CometD, failed: (error: unknown) => void) {
    this.#cometd = cometd;
    this.#failed = failed;
  }

  get isHandshook(): boolean {
    const status = this.#cometd.getStatus();
    return status === 'connected' || status === 'connecting';
  }

  listen(channel: string, hear: Hear): () => void {
    const handle = this.#cometd.addListener(channel, this.#guarded(hear));
    return () => this.#cometd.removeListener(handle);
  }

  subscribe(channel: string, hear: Hear): void {
    const handles = this.#handles.get(channel) ?? new Map();
    this.#handles.set(channel, handles);
    handles.set(hear, this.#cometd.subscribe(channel, this.#guarded(hear)));
  }

  unsubscribe(channel: string, hear: Hear): void {
    const handle = this.#handles.get(channel)?.get(hear);
    if (!handle) return;
    this.#handles.get(channel)?.delete(hear);
    if (this.#cometd.isDisconnected()) this.#cometd.removeListener(handle);
    else this.#cometd.unsubscribe(handle);
  }

  batch(block: () => void): void {
    this.#cometd.batch(block);
  }

  /** The CometD object hears what a listener throws, not what a promise rejects with. */
  #guarded(hear: Hear): (message: Message) => void {
    return (message) => {
      const result = hear(message);
      if (result instanceof Promise) result.catch(this.#failed);
    };
  }
}

function ignore(): void {
  // Told elsewhere.
}
