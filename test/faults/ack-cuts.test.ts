/**
 * Acknowledged messages, server and clients in full: wherever the line is cut while messages come, nothing is lost,
 * nothing comes twice and the order is kept. `FAULT_STRIDE=1` tries every byte.
 */
import { AcknowledgedMessagesExtension } from '@cometd-ts/server';
import { type Direction, type Ending, type Launched, launch, ToxicProxy } from '@cometd-ts/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ackClients } from './ack-clients.ts';
import { Ear, outcome, vias } from './watched.ts';

const stride = Number(process.env.FAULT_STRIDE ?? 7);
const directions: readonly Direction[] = ['down', 'up'];

describe('acknowledged messages', () => {
  let server: Launched;
  let visits = 0;

  beforeAll(async () => {
    server = await launch({
      options: { timeout: 20_000, maxInterval: 60_000, maxSessionsPerBrowser: -1, maxSessionsPerCookie: -1 },
      prepare: (bayeux) => bayeux.addExtension(new AcknowledgedMessagesExtension()),
    });
  });
  afterAll(() => server.close());

  type Visitor = (typeof ackClients)[number][1];

  /** Some messages come one by one, some together; `spoil` makes trouble from the moment the subscription stands. */
  async function visit(
    open: Visitor,
    via: (typeof vias)[number],
    proxy: ToxicProxy,
    spoil: () => void,
    rounds: number = 1,
  ): Promise<void> {
    const channel = `/ack/${++visits}`;
    const client = open(proxy.through(server.url), via);
    const ear = new Ear<unknown>();
    await within(
      'entering',
      client.enter(channel, (data) => ear.listen({ channel, data })),
    );
    const { id } = client;
    const wide = server.bayeux.getChannel(channel);
    spoil();
    let last = 0;
    const say = (): void => void wide?.publish(null, ++last);
    for (let round = 0; round < rounds; round++) {
      for (let single = 0; single < 3; single++) {
        say();
        await within(`hearing ${last}`, ear.hears(last));
      }
      for (let together = 0; together < 4; together++) say();
      setImmediate(say);
      await within(`hearing ${last}`, ear.hears(last));
    }
    await within(`hearing ${last}`, ear.hears(last));
    expect(client.id).toBe(id);
    proxy.heal();
    await within('leaving', client.leave());
    expect(ear.heard).toEqual(Array.from({ length: last }, (_, index) => index + 1));
  }

  async function within(what: string, promise: Promise<unknown>): Promise<void> {
    const result = await outcome(what, promise, 10_000);
    if (result !== 'ok') throw new Error(`${what}: ${JSON.stringify(result.refused)}`);
  }

  describe.each(vias)('over %s', (via) => {
    it.each(ackClients.flatMap(([name, open]) => directions.map((direction) => [name, direction, open] as const)))(
      'with %s, cut %s at many bytes',
      async (_name, direction, open) => {
        const record = await ToxicProxy.start(server.port);
        let before = 0;
        await visit(open, via, record, () => {
          before = record.seen[direction];
        });
        const length = record.seen[direction] - before;
        await record.close();
        const endings: readonly Ending[] = ['end', 'reset'];
        const wrong: string[] = [];
        let next = 0;
        let cuts = 0;
        const worker = async (): Promise<void> => {
          while (next < length) {
            const at = next;
            next += stride;
            const ending = endings[(at / stride) % 2] ?? 'end';
            const proxy = await ToxicProxy.start(server.port);
            const spoil = (): void => void proxy.cutAfter(at, direction, ending).then(() => cuts++);
            await visit(open, via, proxy, spoil).catch((error: Error) =>
              wrong.push(`byte ${at}, ${ending}: ${error.message}`),
            );
            await proxy.close();
          }
        };
        await Promise.all(Array.from({ length: 8 }, worker));
        expect(wrong.slice(0, 5), `${wrong.length} cuts of ${length} bytes went wrong`).toEqual([]);
        expect(cuts).toBeGreaterThan((length / stride) * 0.6 - 2);
      },
      300_000,
    );

    it.each(ackClients)(
      'with %s, on a line that breaks again and again',
      async (_name, open) => {
        const proxy = await ToxicProxy.start(server.port);
        // Long enough for one connect with everything it may carry.
        const length = via === 'websocket' ? 1500 : 2500;
        let cuts = 0;
        let over = false;
        const spoil = (): void =>
          void proxy.cutAfter(length + ((cuts * 137) % 1000), 'down', cuts % 2 ? 'end' : 'reset').then(() => {
            cuts++;
            if (!over) spoil();
          });
        await visit(open, via, proxy, spoil, 20);
        over = true;
        await proxy.close();
        expect(cuts).toBeGreaterThan(5);
      },
      60_000,
    );
  });
});
