/** The engine on NATS keeps the contract of engines, with a real server and a connection of its own for each node. */
import { type NatsEngine, natsEngine } from '@cometd-ts/oort/nats';
import type { BayeuxServer } from '@cometd-ts/server';
import { ToxicProxy } from '@cometd-ts/testkit';
import { engineContract, type Ground } from '@cometd-ts/testkit/engine-contract';
import { type NatsServer, natsPrograms, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe } from 'vitest';

for (const program of natsPrograms()) {
  if ('reason' in program) continue;
  describe(`nats-server ${program.version}`, () => {
    let nats: NatsServer;
    beforeAll(async () => {
      nats = await startNats({ kind: program.kind });
    });
    afterAll(() => nats.close());
    engineContract('nats', () => new Square(nats));
  });
}

let squares = 0;

/** Every node reaches NATS through a proxy of its own, which can be made to misbehave. */
class Square implements Ground {
  readonly #nats: NatsServer;
  readonly #namespace = `square-${++squares}`;
  readonly #proxies: Map<string, ToxicProxy> = new Map();
  #next = '';

  constructor(nats: NatsServer) {
    this.#nats = nats;
  }

  async place(_server: BayeuxServer, url = `http://node${this.#proxies.size}.test/cometd`): Promise<string> {
    this.#proxies.set(url, await ToxicProxy.start(this.#nats.port));
    this.#next = url;
    return url;
  }

  engine(): NatsEngine {
    const { port } = this.#proxies.get(this.#next) as ToxicProxy;
    return natsEngine({
      servers: `nats://127.0.0.1:${port}`,
      namespace: this.#namespace,
      heartbeat: 100,
      leaveAfter: 1500,
      connection: { ignoreClusterUpdates: true },
    });
  }

  async kill(url: string): Promise<void> {
    const proxy = this.#proxies.get(url) as ToxicProxy;
    proxy.refuse();
    proxy.reset();
  }

  async cut(): Promise<void> {
    for (const url of this.#proxies.keys()) await this.kill(url);
  }

  async heal(): Promise<void> {
    for (const proxy of this.#proxies.values()) proxy.heal();
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.close();
  }
}
