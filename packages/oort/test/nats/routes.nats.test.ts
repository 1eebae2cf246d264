/** Two NATS servers that lose each other for a moment, while the nodes at both keep their connections. */
import { setTimeout as pause } from 'node:timers/promises';
import { ToxicProxy } from '@cometd-ts/testkit';
import { freePort, NatsServer, natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, type House, listen, node, together } from './nodes.ts';

/** Two servers that are one cluster, and the way between them. */
async function apart(): Promise<{ servers: [NatsServer, NatsServer]; way: ToxicProxy }> {
  const ports = [await freePort(), await freePort()] as const;
  const way = await ToxicProxy.start(ports[0]);
  onTestFinished(() => way.close());
  const options = { jetStream: false };
  const one = await NatsServer.prepare(options, { name: 'one', port: ports[0], ports: [] });
  const other = await NatsServer.prepare(options, { name: 'other', port: ports[1], ports: [way.port] });
  for (const server of [one, other]) {
    onTestFinished(() => server.close());
    await server.start();
  }
  return { servers: [one, other], way };
}

/** A node in bare words, of which all or some arrives. */
class BareNode {
  readonly #nats: NatsConnection;
  readonly #id = 'bare';
  readonly #other: string;
  /** What it was asked for: all that came after this number. */
  readonly asked: number[] = [];

  static async join(nats: NatsServer, { oort }: House): Promise<BareNode> {
    const connection = await connect({ servers: nats.url });
    onTestFinished(() => connection.close());
    const bare = new BareNode(connection, oort.id);
    bare.#tell('introduction', {
      record: {
        id: 'bare',
        url: 'http://bare.test/cometd',
        started: 1,
        version: 1,
        revision: 1,
        observed: [],
        interest: [],
      },
      lost: 0,
      asks: false,
    });
    await eventually(() => expect(oort.members).toHaveLength(1));
    return bare;
  }

  private constructor(nats: NatsConnection, other: string) {
    this.#nats = nats;
    this.#other = other;
    nats.subscribe(`cometd.to.${this.#id}`, {
      callback: (_error, message) => {
        if (message.headers?.get('Oort-Kind') === 'missed') this.asked.push(message.json<{ after: number }>().after);
      },
    });
  }

  beat(beat: number, sent: number): void {
    this.#nats.publish(`cometd.hb.${this.#id}`, JSON.stringify({ revision: 1, pulse: { beat, sent } }));
  }

  say(channel: string, ...numbers: readonly number[]): void {
    for (const number of numbers)
      this.#nats.publish(`cometd.ch${channel.replaceAll('/', '.')}`, JSON.stringify({ channel, data: number }), {
        headers: this.#headers({ 'Oort-Seq': String(number) }),
      });
  }

  /** The answer to what it was asked for. */
  again(...said: readonly (readonly [channel: string, number: number])[]): void {
    this.#tell('again', { isWhole: true });
    for (const [channel, data] of said) this.#tell('delivery', { channel, data }, { 'Oort-Seq': String(data) });
  }

  #tell(kind: string, words: object, more: Readonly<Record<string, string>> = {}): void {
    const options = { headers: this.#headers({ 'Oort-Kind': kind, ...more }) };
    this.#nats.publish(`cometd.to.${this.#other}`, JSON.stringify(words), options);
  }

  #headers(fields: Readonly<Record<string, string>>): ReturnType<typeof headers> {
    const all = headers();
    for (const [name, value] of Object.entries({ 'Oort-Src': this.#id, ...fields })) all.set(name, value);
    return all;
  }
}

describe.skipIf('reason' in natsProgram('current'))('nodes whose NATS servers lose each other', () => {
  it('hear in order all that was said meanwhile, when nobody has been missed', async () => {
    const { servers, way } = await apart();
    const options = { channels: ['/x'], nats: { heartbeat: 200, leaveAfter: 8_000 } };
    const [a, b] = [await node(servers[0].port, options), await node(servers[1].port, options)] as [House, House];
    await together(a, b);
    const heard = listen(b, '/x');
    let said = 0;
    const feed = setInterval(() => void a.client.send({ channel: '/x', data: said++ }), 2);
    onTestFinished(() => clearInterval(feed));
    await eventually(() => expect(heard.length).toBeGreaterThan(100));
    for (let each = 0; each < 2; each++) {
      way.blackHole();
      await pause(1_000);
      way.reset();
      way.heal();
      const before = heard.length;
      await eventually(() => expect(heard.length).toBeGreaterThan(before + 100));
    }
    clearInterval(feed);
    await eventually(() => expect(heard.at(-1)).toBe(said - 1));
    expect(heard).toEqual(Array.from({ length: said }, (_, number) => number));
    expect([a.life, b.life]).toEqual([[`joined ${b.url}`], [`joined ${a.url}`]]);
    expect(b.server.diagnostics.counters.get('oort_link_dropped.lost')).toBeUndefined();
  });

  it('say what was lost when they have heard later things already, and hear nothing out of order', async () => {
    const nats = await startNats({ jetStream: false });
    onTestFinished(() => nats.close());
    const house = await node(nats.port, { channels: ['/x'], nats: { heartbeat: 1_000, leaveAfter: 20_000 } });
    const heard = listen(house, '/x');
    const bare = await BareNode.join(nats, house);
    const { counters } = house.server.diagnostics;
    bare.beat(1, 0);
    bare.say('/x', 1, 2);
    bare.beat(2, 2);
    // 3, 4, 5 and heartbeat 3 do not arrive.
    bare.say('/x', 6);
    bare.beat(4, 6);
    await eventually(() => expect(bare.asked).toEqual([2]));
    bare.say('/x', 7);
    // Nobody here would have heard 4, which was on another channel.
    bare.again(['/x', 3], ['/y', 4], ['/x', 5], ['/x', 6], ['/x', 7], ['/x', 8]);
    await eventually(() => expect(heard).toEqual([1, 2, 6, 7, 8]));
    expect(counters.get('oort_link_dropped.lost')).toBe(2);
    expect(house.log.join()).toContain('Messages of http://bare.test/cometd were lost on their way through NATS');
    // All is well from here.
    bare.beat(5, 8);
    bare.say('/x', 9);
    bare.beat(6, 9);
    await eventually(() => expect(heard).toEqual([1, 2, 6, 7, 8, 9]));
    expect(bare.asked).toEqual([2]);
  });

  it('hear nothing of a node whose heartbeat is late until they know what they have missed', async () => {
    const nats = await startNats({ jetStream: false });
    onTestFinished(() => nats.close());
    const house = await node(nats.port, { channels: ['/x'], nats: { heartbeat: 100, leaveAfter: 20_000 } });
    const heard = listen(house, '/x');
    const bare = await BareNode.join(nats, house);
    bare.beat(1, 0);
    bare.say('/x', 1);
    await eventually(() => expect(heard).toEqual([1]));
    await pause(400);
    // 2 and 3 have not arrived.
    bare.say('/x', 4);
    bare.beat(2, 4);
    await eventually(() => expect(bare.asked).toEqual([1]));
    expect(heard).toEqual([1]);
    bare.again(['/x', 2], ['/x', 3], ['/x', 4]);
    await eventually(() => expect(heard).toEqual([1, 2, 3, 4]));
    expect(house.server.diagnostics.counters.get('oort_link_dropped.lost')).toBeUndefined();
  });

  it('ask for nothing that was sent before the last heartbeat they have heard', async () => {
    const nats = await startNats({ jetStream: false });
    onTestFinished(() => nats.close());
    const house = await node(nats.port, { channels: ['/x'], nats: { heartbeat: 1_000, leaveAfter: 20_000 } });
    const bare = await BareNode.join(nats, house);
    // Up to 7 all was for others, or before this node was there.
    bare.beat(3, 7);
    bare.beat(5, 9);
    await eventually(() => expect(bare.asked).toEqual([7]));
  });
});
