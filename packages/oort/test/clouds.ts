/** Nodes in one process, over the memory engine or what else is laid below them, closed when their test ends. */
import { type Engine, Oort, type OortOptions } from '@cometd-ts/oort';
import { BayeuxServer, type ServerOptions } from '@cometd-ts/server';
import { MemoryCloud, type MemoryCloudOptions } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';

export interface House {
  readonly server: BayeuxServer;
  readonly oort: Oort;
  readonly url: string;
}

/** What carries a cloud, and what can be done to it; `MemoryCloud` is one, a real NATS another. */
export interface Ground {
  /** An engine for the node of this URL. */
  engine(url: string): Engine;
  /** Resolves when no message is on its way, and all know who is there. */
  settled(): Promise<void>;
  /** The node is gone without a word. */
  kill(url: string): void;
  /** These two do not reach each other any more; others may be lost to them, too. */
  cut(one: string, other: string): void;
  heal(one: string, other: string): void;
}

export class Cloud {
  readonly ground: Ground;
  readonly #oorts: Oort[] = [];

  /** @param ground what carries it; or what a memory cloud shall be able to do */
  constructor(ground: Ground | MemoryCloudOptions = {}) {
    this.ground = 'engine' in ground ? ground : new MemoryCloud(ground);
  }

  /** The memory cloud, with all its means. Throws `TypeError` on other ground. */
  get memory(): MemoryCloud {
    if (this.ground instanceof MemoryCloud) return this.ground;
    throw new TypeError('This cloud is not in memory');
  }

  /** A started node. `prepare` runs before it joins. */
  async node(
    options: Partial<OortOptions> & { readonly server?: ServerOptions } = {},
    prepare: (oort: Oort) => void | Promise<void> = () => undefined,
  ): Promise<House> {
    const { server: serverOptions, ...oortOptions } = options;
    const server = new BayeuxServer({ logLevel: 'error', ...serverOptions });
    server.start();
    const url = `http://node${this.#oorts.length + 1}.test/cometd`;
    const oort = new Oort(server, { url, engine: this.ground.engine(url), ...oortOptions });
    this.#oorts.push(oort);
    onTestFinished(async () => {
      await oort.stop();
      await server.stop();
    });
    await prepare(oort);
    await oort.start();
    return { server, oort, url: oort.url };
  }

  /** Resolves when no message is on its way. */
  async settled(): Promise<void> {
    do await this.ground.settled();
    while (this.#oorts.some(({ inflow }) => inflow > 0));
  }
}
