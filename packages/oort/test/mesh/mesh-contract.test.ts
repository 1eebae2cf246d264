/** The mesh keeps the contract of engines, over real sockets. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { meshEngine } from '@cometd-ts/oort/mesh';
import type { BayeuxServer } from '@cometd-ts/server';
import { ToxicProxy } from '@cometd-ts/testkit';
import { engineContract, type Ground } from '@cometd-ts/testkit/engine-contract';
import { secret } from './nodes.ts';

engineContract('mesh', () => new Meadow());

/** Every node is reached through a proxy of its own, which can be made to misbehave. */
class Meadow implements Ground {
  readonly #urls: string[] = [];
  readonly #houses: Map<string, { listener: Server; proxy: ToxicProxy }> = new Map();

  async place(server: BayeuxServer, url?: string): Promise<string> {
    const old = url === undefined ? undefined : this.#houses.get(url);
    const listener = createServer();
    server.attach(listener);
    const port = old ? (old.listener as Server & { port: number }).port : 0;
    if (old) await new Promise<void>((resolve) => old.listener.close(() => resolve()));
    await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
    const bound = (listener.address() as AddressInfo).port;
    Object.assign(listener, { port: bound });
    const proxy = old?.proxy ?? (await ToxicProxy.start(bound));
    const own = url ?? `http://127.0.0.1:${proxy.port}/cometd`;
    this.#houses.set(own, { listener, proxy });
    return own;
  }

  engine() {
    const engine = meshEngine({ secret, backoffIncrement: 100, maxBackoff: 300, maxInterval: 500, timeout: 1000 });
    const [seed] = this.#urls;
    if (seed !== undefined) engine.observeComet(seed);
    return engine;
  }

  started(_engine: unknown, url: string): void {
    if (!this.#urls.includes(url)) this.#urls.push(url);
  }

  async cut(): Promise<void> {
    for (const { proxy } of this.#houses.values()) {
      proxy.refuse();
      proxy.reset();
    }
  }

  async heal(): Promise<void> {
    for (const { proxy } of this.#houses.values()) proxy.heal();
  }

  async close(): Promise<void> {
    for (const { listener, proxy } of this.#houses.values()) {
      await proxy.close();
      listener.closeAllConnections();
      listener.close();
    }
  }
}
