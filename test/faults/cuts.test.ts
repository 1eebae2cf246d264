/**
 * The line is cut at every byte of a whole visit. Wherever that is, the client comes back with the same subscription, and
 * whatever was lost or is unsure was reported. `FAULT_STRIDE=7` tries every seventh byte only.
 */
import { type Direction, type Ending, type Launched, launch, ToxicProxy } from '@cometd-ts/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ear, type Outcome, outcome, type Via, Watched } from './watched.ts';

const stride = Number(process.env.FAULT_STRIDE ?? 1);

interface Line {
  readonly via: Via;
  readonly direction: Direction;
  readonly ending: Ending;
}

const lines: readonly Line[] = [
  { via: 'websocket', direction: 'down', ending: 'end' },
  { via: 'websocket', direction: 'up', ending: 'end' },
  { via: 'long-polling', direction: 'down', ending: 'end' },
  { via: 'long-polling', direction: 'up', ending: 'end' },
];

/** Everything that happened on one visit. */
interface Visit {
  readonly watched: Watched;
  readonly ear: Ear<string>;
  readonly outcomes: Record<'handshake' | 'subscribe' | 'publish' | 'disconnect', Outcome>;
  /** Statuses told before the subscription stood. */
  readonly before: number;
  /** Statuses told before the goodbye. */
  readonly after: number;
}

describe('a line that is cut', () => {
  let server: Launched;
  let visits = 0;

  beforeAll(async () => {
    server = await launch({ options: { timeout: 20_000, maxInterval: 20_000, sweepPeriod: 200 } });
  });
  afterAll(() => server.close());

  /** Handshake, subscribe, publish, receive, disconnect; what breaks on the way is tried again. */
  async function visit(port: ToxicProxy, via: Via): Promise<Visit> {
    const channel = `/cut/${++visits}`;
    const ear = new Ear<string>();
    const watched = new Watched(port.through(server.url), via);
    const { client } = watched;
    const handshake = await outcome('handshake', client.handshake());
    await watched.status('connected', 0);
    const room = client.getChannel(channel);
    let subscribe = await outcome('subscribe', room.subscribe(ear.listen));
    for (let tries = 0; subscribe !== 'ok' && tries < 3; tries++) {
      if (client.status.type !== 'connected') await watched.status('connected');
      subscribe = await outcome('subscribe again', room.subscribe(ear.listen));
    }
    const before = watched.statuses.length;
    const publish = await outcome('publish', room.publish('own'));
    await hearSomething(watched, ear, channel);
    const after = watched.statuses.length;
    const disconnect = await outcome('disconnect', client.disconnect());
    return { watched, ear, outcomes: { handshake, subscribe, publish, disconnect }, before, after };
  }

  /** The server says something until it is heard: what is under way when the line breaks may be lost. */
  async function hearSomething(watched: Watched, ear: Ear<string>, channel: string): Promise<void> {
    for (let n = 1; n <= 5; n++) {
      const from = watched.statuses.length;
      server.bayeux.getChannel(channel)?.publish(null, `news ${n}`);
      const heard = ear.hears(`news ${n}`).then(() => true);
      if (await Promise.race([heard, watched.status('connected', from).then(() => false)])) return;
    }
    throw new Error('the client is connected, but hears nothing');
  }

  function judge({ watched, ear, outcomes, before, after }: Visit): void {
    const told = watched.story.slice(before, after);
    const broken = told.some((type) => type !== 'connected');
    expect(outcomes.subscribe).toBe('ok');
    expect(ear.count('own')).toBeLessThanOrEqual(1);
    for (const news of ear.heard) expect(ear.count(news)).toBe(1);
    // Lost, or unsure whether: then the client has said so.
    if (outcomes.publish === 'ok' && ear.count('own') === 0)
      expect(told, 'a silent loss').toContainEqual('unconnected');
    if (outcomes.publish !== 'ok') {
      const { refused } = outcomes.publish;
      expect(refused).toMatchObject({ sent: expect.stringMatching(/^(no|perhaps)$/) });
      if ((refused as { sent: string }).sent === 'no') expect(ear.count('own')).toBe(0);
    }
    expect(watched.client.state).toBe('disconnected');
    expect(watched.exceptions).toEqual([]);
    if (broken) expect(told.at(-1)).toBe('connected');
  }

  it.each(lines)(
    '$via, $direction, at every byte',
    async ({ via, direction, ending }) => {
      const record = await ToxicProxy.start(server.port);
      judge(await visit(record, via));
      const length = record.seen[direction];
      await record.close();

      const wrong: string[] = [];
      let next = 0;
      let cuts = 0;
      const worker = async (): Promise<void> => {
        while (next < length) {
          const at = next;
          next += stride;
          const port = await ToxicProxy.start(server.port);
          void port.cutAfter(at, direction, ending).then(() => cuts++);
          try {
            judge(await visit(port, via));
          } catch (error) {
            wrong.push(`byte ${at}: ${(error as Error).message}`);
          }
          await port.close();
        }
      };
      await Promise.all(Array.from({ length: 8 }, worker));
      expect(wrong.slice(0, 5), `${wrong.length} cuts of ${length} bytes went wrong`).toEqual([]);
      // The last bytes of a connection that nobody needs any more may never come.
      expect(cuts).toBeGreaterThan((length / stride) * 0.9 - 5);
    },
    300_000,
  );
});
