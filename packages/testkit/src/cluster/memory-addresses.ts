/** Addresses inside one process: who serves what is known to the cloud, and messages arrive in a later turn, as JSON. */
import { AddressError, type Addresses } from '@cometd-ts/oort';
import type { JSONContext, Maybe } from '@cometd-ts/protocol';
import type { Registration } from '@cometd-ts/server';
import type { MemoryCloud, MemoryEngine } from './memory-cloud.ts';

/** One who serves an address. */
export interface MemoryServer {
  readonly engine: MemoryEngine;
  readonly hear: (data: unknown) => Maybe<unknown>;
  readonly isShared: boolean;
  isEnded: boolean;
  end(): void;
}

/** Most characters of a message, as the payload limit of a message system. */
const LIMIT = 1_048_576;

export class MemoryAddresses implements Addresses {
  readonly #cloud: MemoryCloud;
  readonly #engine: MemoryEngine;
  readonly #own: Set<MemoryServer> = new Set();
  #isStopped = false;

  constructor(cloud: MemoryCloud, engine: MemoryEngine) {
    this.#cloud = cloud;
    this.#engine = engine;
  }

  /** How many addresses this node serves. */
  get size(): number {
    return this.#own.size;
  }

  serve(
    address: readonly string[],
    hear: (data: unknown) => Maybe<unknown>,
    { shared = false }: { readonly shared?: boolean } = {},
  ): Registration {
    const key = keyOf(address);
    const all = this.#cloud.served.get(key) ?? new Set();
    for (const other of all)
      if (other.engine === this.#engine && other.isShared !== shared)
        throw new TypeError(`${key} is served already, and ${shared ? 'not shared' : 'shared'}`);
    const server: MemoryServer = {
      engine: this.#engine,
      hear,
      isShared: shared,
      isEnded: false,
      end: () => {
        server.isEnded = true;
        this.#own.delete(server);
        all.delete(server);
        if (all.size === 0 && this.#cloud.served.get(key) === all) this.#cloud.served.delete(key);
      },
    };
    this.#own.add(server);
    this.#cloud.served.set(key, all.add(server));
    return { remove: () => server.end() };
  }

  tell(address: readonly string[], data: unknown): boolean {
    const key = keyOf(address);
    if (!this.#isUp) return false;
    const json = this.#write(data);
    for (const server of this.#servers(key)) this.#cloud.post(() => void this.#hear(server, json));
    return true;
  }

  async ask(
    address: readonly string[],
    data: unknown,
    { timeout = 5_000, signal }: { readonly timeout?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<unknown> {
    const key = keyOf(address);
    signal?.throwIfAborted();
    if (!this.#isUp) throw new AddressError('down', 'The cloud cannot be reached');
    const json = this.#write(data);
    const servers = this.#servers(key);
    if (servers.length === 0) throw new AddressError('nobody', `Nobody serves ${key}`);
    let end = (): void => undefined;
    const answered = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => reject(new AddressError('timeout', `No answer within ${timeout} ms`)), timeout);
      const abort = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
      const answer = (from: MemoryEngine, text: string): void => {
        if (!this.#isUp || !this.#engine.reaches(from)) return;
        if (text.length > LIMIT) reject(new AddressError('tooLarge', `The answer has more than ${LIMIT} characters`));
        else resolve(this.#json.parse(text));
      };
      for (const server of servers)
        this.#cloud.post(async () => {
          const text = await this.#hear(server, json);
          if (text !== undefined) this.#cloud.post(() => answer(server.engine, text));
        });
    });
    return answered.finally(() => end());
  }

  /** What it serves ends. */
  stop(): void {
    this.#isStopped = true;
    for (const server of this.#own) server.end();
  }

  /** Those who are to hear what is sent now: all, or one of those who share. */
  #servers(key: string): MemoryServer[] {
    const all = [...(this.#cloud.served.get(key) ?? [])].filter(({ engine }) => this.#engine.reaches(engine));
    const shared = all.filter(({ isShared }) => isShared);
    const chosen = shared[Math.floor(Math.random() * shared.length)];
    return [...all.filter(({ isShared }) => !isShared), ...(chosen ? [chosen] : [])];
  }

  /** The answer as it travels; undefined when there is none. */
  async #hear(server: MemoryServer, json: string): Promise<string | undefined> {
    const { engine, hear } = server;
    if (server.isEnded || !engine.isUp || !engine.node || !this.#engine.reaches(engine)) return undefined;
    const { diagnostics, settings } = engine.node.server;
    const answer = await diagnostics.guard('address', undefined, () => hear(settings.jsonContext.parse(json)));
    return answer === undefined ? undefined : settings.jsonContext.generate(answer);
  }

  get #isUp(): boolean {
    return !this.#isStopped && this.#engine.isUp;
  }

  get #json(): JSONContext {
    const { node } = this.#engine;
    if (!node) throw new AddressError('down', 'The engine is not started');
    return node.server.settings.jsonContext;
  }

  #write(data: unknown): string {
    const json = this.#json.generate(data);
    if (json.length > LIMIT) throw new AddressError('tooLarge', `The message has more than ${LIMIT} characters`);
    return json;
  }
}

function keyOf(address: readonly string[]): string {
  if (address.length === 0 || address.some((text) => typeof text !== 'string' || text === ''))
    throw new TypeError('An address is a list of texts, none of them empty');
  return JSON.stringify(address);
}
