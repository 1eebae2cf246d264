/** One test with one client: the library, its surroundings, and the first steps every client takes. */
import { describe, it, vi } from 'vitest';
import type { Cometd, Library } from './cometd.ts';
import type { Exchange } from './exchange.ts';
import { implementations, type Kind } from './implementations.ts';
import type { Message } from './message.ts';
import { type FakeWindow, Network } from './network.ts';
import type { VirtualClock } from './virtual-clock.ts';

const url = 'http://localhost:8080/cometd';

export class Visit {
  readonly kind: Kind;
  readonly lib: Library;
  readonly net: Network = new Network();
  readonly window: FakeWindow;
  readonly clock: VirtualClock;
  #cometd: Cometd | null = null;

  constructor(kind: Kind, lib: Library) {
    this.kind = kind;
    this.lib = lib;
    this.window = this.net.window;
    this.clock = this.net.clock;
    vi.stubGlobal('window', this.window);
    // Libraries up to 7 do not ask the window for it.
    vi.stubGlobal('document', this.window.document);
  }

  /** The client of this test, which uses long-polling and nothing else, unless `use` was called before. */
  get cometd(): Cometd {
    return this.#cometd ?? this.use('long-polling');
  }

  /** Makes the client, with only these of the transports it brings along. */
  use(...types: string[]): Cometd {
    const cometd = new this.lib.CometD();
    for (const type of cometd.getTransportTypes()) if (!types.includes(type)) cometd.unregisterTransport(type);
    this.#cometd = cometd;
    return cometd;
  }

  configure(config: Record<string, unknown> = {}): Cometd {
    this.cometd.configure({ url, ...config });
    return this.cometd;
  }

  /** Sends a handshake that nobody answers yet. */
  async shake(config: Record<string, unknown> = {}): Promise<Exchange> {
    this.configure(config).handshake();
    return this.net.take('/meta/handshake');
  }

  /** Shakes hands; the first connect waits for its answer. */
  async handshook(config: Record<string, unknown> = {}, reply: Message = {}): Promise<Exchange> {
    const handshake = await this.shake(config);
    await handshake.reply(reply);
    return this.net.take('/meta/connect');
  }

  /** As {@link handshook}, and the first connect is answered; the second one waits. */
  async connected(config: Record<string, unknown> = {}, reply: Message = {}): Promise<Exchange> {
    const first = await this.handshook(config, reply);
    await first.reply();
    return this.net.take('/meta/connect');
  }

  /** Everything that comes on these channels, in order. */
  listen(...channels: string[]): [string, Message][] {
    const heard: [string, Message][] = [];
    for (const channel of channels) {
      this.cometd.addListener(channel, (message: Message) => void heard.push([channel, message]));
    }
    return heard;
  }
}

export interface Limits {
  /** Those for which the sentence is meant; all, unless told. */
  only?: Kind | readonly Kind[];
}

export type Behaves = (sentence: string, run: (visit: Visit) => void | Promise<void>, limits?: Limits) => void;

/** Tries every sentence on every library. */
export function behaviour(section: string, define: (behaves: Behaves) => void): void {
  describe.each(implementations)(`${section}, $kind`, ({ kind, load }) => {
    define((sentence, run, { only } = {}) => {
      const meant = only === undefined || [only].flat().includes(kind);
      it.runIf(meant)(sentence, async () => {
        const visit = new Visit(kind, await load());
        try {
          await run(visit);
        } finally {
          visit.clock.stop();
          vi.unstubAllGlobals();
        }
      });
    });
  });
}

/** The text of what a call throws: an Error's message, or the string itself, as libraries up to 7 throw. */
export function thrown(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return undefined;
}
