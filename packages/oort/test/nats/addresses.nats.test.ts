/** Addresses on real NATS servers keep the contract, with the one of Debian too. */
import { BayeuxServer } from '@cometd-ts/server';
import { addressContract } from '@cometd-ts/testkit/address-contract';
import { type NatsKind, type NatsServer, natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { NatsAddresses } from '../../src/nats/addresses.ts';
import { Connection } from '../../src/nats/connection.ts';
import { natsSettings } from '../../src/nats/options.ts';

interface Node {
  readonly addresses: NatsAddresses;
  readonly connection: Connection;
  stop(): Promise<void>;
}

/** Nodes that know of each other by their number alone. */
class Place {
  readonly nats: NatsServer;
  readonly server: BayeuxServer = new BayeuxServer({ logLevel: 'silent' });
  #nodes = 0;

  private constructor(nats: NatsServer) {
    this.nats = nats;
  }

  static async open(kind: NatsKind): Promise<Place> {
    const nats = await startNats({ kind, jetStream: false });
    onTestFinished(() => nats.close());
    return new Place(nats);
  }

  async node(namespace = 'test'): Promise<Node> {
    const settings = natsSettings({ servers: this.nats.url, namespace });
    const connection = await Connection.open(settings, this.server, `node${++this.#nodes}`);
    const addresses = new NatsAddresses(connection, () => this.#nodes - 1);
    const stop = async (): Promise<void> => {
      addresses.stop();
      await connection.close();
    };
    onTestFinished(stop);
    return { addresses, connection, stop };
  }
}

describe.each(['current', 'debian'] as const)('with the server %s', (kind) => {
  describe.skipIf('reason' in natsProgram(kind))('', () => {
    addressContract(`NATS, ${kind},`, async () => {
      const place = await Place.open(kind);
      return {
        node: () => place.node(),
        away: () => place.nats.kill(),
        back: () => place.nats.start(),
        payload: 1_048_576,
      };
    });
  });
});

describe.skipIf('reason' in natsProgram('current'))('an address on NATS', () => {
  it('is of one cloud: another namespace does not see it', async () => {
    const place = await Place.open('current');
    const [a, b, other] = [await place.node('one'), await place.node('one'), await place.node('two')];
    a.addresses.serve(['room'], () => 'a');
    await vi.waitFor(async () => expect(await b.addresses.ask(['room'], 1)).toBe('a'));
    await expect(other.addresses.ask(['room'], 1)).rejects.toMatchObject({ code: 'nobody' });
  });

  it('is a subscription while it is served, one for all who serve it here', async () => {
    const place = await Place.open('current');
    const { addresses, connection } = await place.node();
    const count = async (): Promise<number> => {
      await connection.flushed();
      return (await place.nats.monitor<{ subscriptions: number }>('varz')).subscriptions;
    };
    const before = await count();
    const registrations = Array.from({ length: 100 }, (_, index) =>
      addresses.serve(['room', `${index % 50}`], () => 1),
    );
    expect(await count()).toBe(before + 50);
    for (const registration of registrations) registration.remove();
    expect(await count()).toBe(before);
    expect(addresses.size).toBe(0);
  });

  it('hears nothing of what is no JSON, which is counted', async () => {
    const place = await Place.open('current');
    const [a, b] = [await place.node(), await place.node()];
    const heard: unknown[] = [];
    a.addresses.serve(['room'], (data) => heard.push(data));
    await a.connection.flushed();
    b.connection.publish('test.at.room', '{"broken');
    b.addresses.tell(['room'], 'whole');
    await vi.waitFor(() => expect(heard).toEqual(['whole']));
    expect(place.server.diagnostics.counters.get('rejected.address')).toBe(1);
  });

  it('of too long a name is refused', async () => {
    const place = await Place.open('current');
    const { addresses } = await place.node();
    expect(() => addresses.serve(['room', 'x'.repeat(4_000)], () => 1)).toThrow(RangeError);
  });
});
