/** The ground of clouds on a real NATS server: each node has a way of its own to it, which can be cut. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Engine, EngineNode } from '@cometd-ts/oort';
import { type NatsOptions, natsEngine } from '@cometd-ts/oort/nats';
import { ToxicProxy } from '@cometd-ts/testkit';
import { type NatsKind, type NatsServer, startNats } from '@cometd-ts/testkit/nats';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, onTestFinished, vi } from 'vitest';
import type { Ground } from '../clouds.ts';

/** When nobody has said anything for this long, in ms, all is said. */
const QUIET = 25;

/** A server for all tests of a file. Call it in a `describe`; what it answers makes a field for one test, or for a part of it. */
export function natsFields(kind: NatsKind = 'current', options: Partial<NatsOptions> = {}): () => Field {
  let nats: NatsServer;
  let spy: Spy;
  let fields = 0;
  beforeAll(async () => {
    nats = await startNats({ kind });
    spy = new Spy(await connect({ servers: nats.url }));
  });
  afterAll(async () => {
    await spy.close();
    await nats.close();
  });
  return () => new Field(nats.port, spy, { namespace: `field-${++fields}`, ...options });
}

/**
 * What is said on a server, except to addresses: whoever hears them serves them, and nobody would be nobody any more. Answers are
 * heard, like all that goes to an inbox.
 */
const HEARD = ['*.ch.>', '*.to.>', '*.hb.>', '$KV.>', '$JS.>', '_INBOX.>'];

/** Hears what is said on a server. */
class Spy {
  /** Messages that are no mere signs of life. */
  said = 0;
  readonly #connection: NatsConnection;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    for (const subject of HEARD)
      connection.subscribe(subject, {
        callback: (_error, { subject: said, headers }) => {
          if (!/^[^.]+\.hb\./.test(said) && !headers?.get('Oort-Kind').startsWith('heart')) this.said++;
        },
      });
  }

  /** What the server has heard before is counted. */
  flush(): Promise<void> {
    return this.#connection.flush();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** A node of a field. */
interface Plot {
  readonly engine: Engine;
  state: 'new' | 'there' | 'cut' | 'dead';
  id: string;
  proxy: ToxicProxy | undefined;
}

/** A cloud of its own on a server that others may use, too. */
export class Field implements Ground {
  readonly #plots: Map<string, Plot> = new Map();
  readonly #port: number;
  readonly #spy: Spy;
  readonly #options: Partial<NatsOptions>;

  constructor(port: number, spy: Spy, options: Partial<NatsOptions>) {
    this.#port = port;
    this.#spy = spy;
    this.#options = options;
  }

  engine(url: string): Engine {
    // Where the server is for this node is known when it starts.
    const connection: NonNullable<NatsOptions['connection']> = { ignoreClusterUpdates: true };
    const engine = natsEngine({ servers: 'see below', heartbeat: 100, leaveAfter: 400, connection, ...this.#options });
    const plot: Plot = { engine, state: 'new', id: '', proxy: undefined };
    this.#plots.set(url, plot);
    const start = engine.start.bind(engine);
    engine.start = async (node: EngineNode): Promise<void> => {
      plot.id = node.id;
      const proxy = await ToxicProxy.start(this.#port);
      plot.proxy = proxy;
      onTestFinished(() => proxy.close());
      Object.assign(connection, {
        servers: `nats://127.0.0.1:${proxy.port}`,
        reconnectTimeWait: 50,
        reconnectJitter: 0,
      });
      await start(node);
      plot.state = 'there';
    };
    return engine;
  }

  async settled(): Promise<void> {
    for (let said = -1; said !== this.#spy.said; ) {
      await vi.waitFor(() => this.#expectWhole(), { timeout: 20_000, interval: 5 });
      said = this.#spy.said;
      await pause(QUIET);
      await this.#spy.flush();
    }
  }

  kill(url: string): void {
    this.#part(url, 'dead');
  }

  /** The first of the two is cut off from all. */
  cut(url: string): void {
    this.#part(url, 'cut');
  }

  heal(...urls: readonly string[]): void {
    for (const url of urls) {
      const plot = this.#plots.get(url);
      if (plot?.state !== 'cut') continue;
      plot.state = 'there';
      plot.proxy?.heal();
    }
  }

  #part(url: string, state: 'cut' | 'dead'): void {
    const plot = this.#plots.get(url);
    if (plot?.state !== 'there' && plot?.state !== 'cut') return;
    plot.state = state;
    plot.proxy?.refuse();
    plot.proxy?.reset();
  }

  /** All who can know each other do, and nobody else is known. */
  #expectWhole(): void {
    const running = [...this.#plots.values()].filter(({ engine, state }) => {
      return (state === 'there' || state === 'cut') && engine.status.reason !== 'stopped';
    });
    const there = running.filter(({ state }) => state === 'there');
    for (const plot of running) {
      const { engine, state } = plot;
      const others = state === 'cut' ? [] : there.filter((other) => other !== plot);
      expect(engine.members.map(({ id }) => id).sort()).toEqual(others.map(({ id }) => id).sort());
      if (state === 'there') expect(engine.status).toEqual({ state: 'up', reason: '' });
    }
  }
}
