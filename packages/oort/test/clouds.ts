/** Nodes in one process, over the memory engine, closed when their test ends. */
import { Oort, type OortOptions } from '@cometd-ts/oort';
import { BayeuxServer, type ServerOptions } from '@cometd-ts/server';
import { MemoryCloud, type MemoryCloudOptions } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';

export interface House {
  readonly server: BayeuxServer;
  readonly oort: Oort;
  readonly url: string;
}

export class Cloud {
  readonly memory: MemoryCloud;
  #nodes = 0;

  constructor(options: MemoryCloudOptions = {}) {
    this.memory = new MemoryCloud(options);
  }

  /** A started node. `prepare` runs before it joins. */
  async node(
    options: Partial<OortOptions> & { readonly server?: ServerOptions } = {},
    prepare: (oort: Oort) => void | Promise<void> = () => undefined,
  ): Promise<House> {
    const { server: serverOptions, ...oortOptions } = options;
    const server = new BayeuxServer({ logLevel: 'error', ...serverOptions });
    server.start();
    const url = `http://node${++this.#nodes}.test/cometd`;
    const oort = new Oort(server, { url, engine: this.memory.engine(), ...oortOptions });
    onTestFinished(async () => {
      await oort.stop();
      await server.stop();
    });
    await prepare(oort);
    await oort.start();
    return { server, oort, url: oort.url };
  }

  /** Resolves when no message is on its way. */
  settled(): Promise<void> {
    return this.memory.settled();
  }
}
