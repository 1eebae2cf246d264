/** A message for many waits for each subscriber's turn, and nobody can tell: who gets what, in which order, and what is seen of it. */
import { setImmediate as turn } from 'node:timers/promises';
import { JSONContext } from '@cometd-ts/protocol';
import { ServerMessage, type ServerOptions } from '@cometd-ts/server';
import type { RawSession } from '@cometd-ts/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Channel } from '../../src/channel/channel.ts';
import { CROWD, Run } from '../../src/session/fan-out.ts';
import { MOST_IN_A_TURN } from '../../src/session/flusher.ts';
import type { Session } from '../../src/session/session.ts';
import { type House, host, type transports } from '../hosting.ts';

interface Member {
  readonly raw: RawSession;
  /** With what only the house sees of it. */
  readonly side: Session;
}

/** A house with a crowd in it; nobody is subscribed yet. */
async function crowded(
  count: number,
  options: ServerOptions = {},
  transport: (typeof transports)[number] = 'websocket',
) {
  const house = await host({ maxSessionsPerAddress: -1, maxHandshakeRate: -1, maxSubscribeRate: -1, ...options });
  const members: Member[] = [];
  for (let entered = 0; entered < count; entered++) members.push(await enter(house, transport));
  return { house, members };
}

async function enter(house: House, transport: (typeof transports)[number]): Promise<Member> {
  const raw = await house.enter(transport);
  return { raw, side: house.sideOf(raw) as Session };
}

const channelOf = (house: House, name: string) => house.bayeux.createChannelIfAbsent(name).channel as Channel;
/** What has come since it was looked. */
const eventsOf = ({ raw }: Member) => raw.inbox.empty().flatMap(({ data }) => (data === undefined ? [] : [data]));
const said = (raw: RawSession, channel: string) => raw.inbox.events(channel).map((message) => message.data);

type Act =
  | { readonly act: 'publish'; readonly channel: 0 | 1; readonly from: number; readonly times: number }
  | { readonly act: 'subscribe' | 'unsubscribe'; readonly channel: 0 | 1; readonly who: number }
  | { readonly act: 'deliver' | 'look' | 'listen' | 'toggle' | 'batch'; readonly who: number }
  | { readonly act: 'turn' };

/** Few, so that more than one thing happens to one; some of them have their turn in the second part of a flush. */
const member = fc.constantFrom(0, 1, 2, 3, MOST_IN_A_TURN, MOST_IN_A_TURN + 1, MOST_IN_A_TURN + 11);
const channel = fc.constantFrom<0 | 1>(0, 1);
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        act: fc.constant('publish' as const),
        channel,
        from: fc.integer({ min: -1, max: 3 }),
        times: fc.constantFrom(1, 1, 2, 40),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constantFrom('subscribe' as const, 'unsubscribe' as const),
        channel,
        who: member,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        act: fc.constantFrom('deliver' as const, 'look' as const, 'batch' as const),
        who: member,
      }),
    },
    { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('listen' as const, 'toggle' as const), who: member }) },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('turn' as const) }) },
  ),
  { maxLength: 30 },
);

describe('a message for a crowd', () => {
  it.each(['first', 'second'])(
    'reaches each subscriber as if it had been queued in the call, whatever else happens meanwhile: %s half of the tries',
    async () => {
      const { house, members } = await crowded(MOST_IN_A_TURN + 12);
      let runs = 0;
      let number = 0;
      await fc.assert(
        fc.asyncProperty(acts, async (script) => {
          const names = [`/run${++runs}/a`, `/run${runs}/b`] as const;
          const channels = names.map((name) => channelOf(house, name));
          const expected = members.map((): number[] => []);
          const heard = new Map<number, { readonly from: number; readonly messages: number[] }>();
          for (const { side } of members) for (const one of channels) one.subscribe(side);

          const queued = (who: number): void => {
            expected[who]?.push(number);
          };
          const publish = (to: 0 | 1, from: number): void => {
            number++;
            const sender = members[from]?.side ?? null;
            members.forEach(({ side }, who) => {
              if (channels[to]?.hasSubscriber(side) && (side !== sender || side.broadcastToPublisher)) queued(who);
            });
            expect(channels[to]?.publish(sender, number)).toBe(true);
          };
          const play = async (step: Act): Promise<void> => {
            if (step.act === 'turn') return turn();
            if (step.act === 'publish') {
              for (let count = 0; count < step.times; count++) publish(step.channel, step.from);
              return;
            }
            const { side } = members[step.who] as Member;
            if (step.act === 'subscribe') channels[step.channel]?.subscribe(side);
            if (step.act === 'unsubscribe') channels[step.channel]?.unsubscribe(side);
            if (step.act === 'toggle') side.broadcastToPublisher = !side.broadcastToPublisher;
            if (step.act === 'batch') side.batch(() => publish(0, 0));
            if (step.act === 'deliver') {
              number++;
              queued(step.who);
              side.deliver(null, names[0], number);
            }
            if (step.act === 'look' && expected[step.who]?.at(-1) === number && number > 0) {
              // In the turn in which it was published: nothing has left.
              publish(0, -1);
              const isIn = channels[0]?.hasSubscriber(side);
              if (isIn) expect(side.queue.at(-1)?.data).toBe(number);
            }
            if (step.act === 'listen' && !heard.has(step.who)) {
              const messages: number[] = [];
              heard.set(step.who, { from: expected[step.who]?.length ?? 0, messages });
              side.addListener('queued', (_sender, message) => {
                if (message.channel.startsWith(`/run${runs}/`)) messages.push(message.data as number);
              });
            }
          };
          for (const step of script) await play(step);

          // Nobody is touched before: what is due comes by itself.
          await Promise.all(
            members.map(({ raw }, who) => {
              const newest = expected[who]?.at(-1);
              return newest === undefined || raw.inbox.next((message) => message.data === newest);
            }),
          );
          // What comes too often, and late, is found by the next run, or in the end.
          expect(members.map(eventsOf)).toEqual(expected);
          for (const { side } of members) {
            for (const one of channels) one.unsubscribe(side);
            side.broadcastToPublisher = true;
          }
          for (const [who, { from, messages }] of heard) expect(messages).toEqual(expected[who]?.slice(from));
        }),
        { numRuns: 30 },
      );
      for (const { side } of members) side.deliver(null, '/end', number);
      await Promise.all(members.map(({ raw }) => raw.event('/end')));
      expect(members.map(eventsOf)).toEqual(members.map(() => [number]));
    },
  );

  it('shares a frame with what is published to its channel in the same turn', async () => {
    const { house, members } = await crowded(CROWD + 4);
    const chat = channelOf(house, '/chat');
    for (const { side } of members) chat.subscribe(side);
    for (let count = 0; count < 10; count++) chat.publish(null, count);
    await Promise.all(members.flatMap(({ raw }) => Array.from({ length: 10 }, () => raw.event('/chat'))));
    for (const { raw } of members) {
      expect('frames' in raw.client && raw.client.frames.at(-1)?.map((message) => message.data)).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
      ]);
    }
  });

  it('finds its place behind the limit of a queue: the oldest go, and those of others stay', async () => {
    const { house, members } = await crowded(CROWD, { maxQueue: 3, queuePolicy: 'dropOldest' }, 'long-polling');
    const reader = await enter(house, 'websocket');
    const chat = channelOf(house, '/chat');
    for (const { side } of [...members, reader]) chat.subscribe(side);
    for (let count = 0; count < 5; count++) chat.publish(null, count);
    for (let count = 0; count < 5; count++) await reader.raw.event('/chat');
    expect(said(reader.raw, '/chat')).toEqual([0, 1, 2, 3, 4]);
    for (const { raw } of members) {
      await raw.connect(0);
      expect(said(raw, '/chat')).toEqual([2, 3, 4]);
    }
  });

  it('ends those alone whose client does not take it, and looking at a queue ends nobody', async () => {
    const { house, members } = await crowded(CROWD, { maxQueue: 2 }, 'long-polling');
    const reader = await enter(house, 'websocket');
    const chat = channelOf(house, '/chat');
    for (const { side } of [reader, ...members]) chat.subscribe(side);
    const [one] = members as [Member];
    for (let count = 0; count < 3; count++) chat.publish(null, count);
    expect(one.side.queue.map((message) => message.data)).toEqual([0, 1]);
    expect(one.side.isHandshook).toBe(true);
    for (let count = 0; count < 3; count++) await reader.raw.event('/chat');
    expect(said(reader.raw, '/chat')).toEqual([0, 1, 2]);
    expect(members.some(({ side }) => side.isHandshook)).toBe(false);
    expect(chat.publish(null, 'alone')).toBe(true);
    expect((await reader.raw.event('/chat')).data).toBe('alone');
  });

  it('that nobody takes is said to be published to nobody', async () => {
    const { house, members } = await crowded(CROWD, { maxQueue: 1, queuePolicy: 'dropNewest' }, 'long-polling');
    const chat = channelOf(house, '/chat');
    for (const { side } of members) chat.subscribe(side);
    expect(chat.publish(null, 1)).toBe(true);
    expect(chat.publish(null, 2)).toBe(false);
    for (const { raw } of members) {
      await raw.connect(0);
      expect(said(raw, '/chat')).toEqual([1]);
    }
  });

  it('goes out with its farewell to a session that ends in the same turn, and to the others as ever', async () => {
    const { house, members } = await crowded(CROWD + 4);
    const chat = channelOf(house, '/chat');
    for (const { side } of members) chat.subscribe(side);
    const [, leaving, staying] = members as [Member, Member, Member];
    chat.publish(null, 'last words');
    leaving.side.disconnect();
    chat.publish(null, 'more');
    expect((await staying.raw.event('/chat')).data).toBe('last words');
    expect((await staying.raw.event('/chat')).data).toBe('more');
    await leaving.raw.inbox.next((message) => message.channel === '/meta/disconnect');
    expect(said(leaving.raw, '/chat')).toEqual(['last words']);
  });

  it('that a listener publishes while one is on its way comes behind it for everybody', async () => {
    const { house, members } = await crowded(CROWD + 4);
    const chat = channelOf(house, '/chat');
    for (const { side } of members) chat.subscribe(side);
    const [, , answering] = members as [Member, Member, Member];
    answering.side.addListener('message', (_session, _sender, message) => {
      if (message.data === 'ask') chat.publish(null, 'answer');
    });
    chat.publish(null, 'ask');
    for (const { raw } of members) {
      if (raw === answering.raw) continue;
      expect([(await raw.event('/chat')).data, (await raw.event('/chat')).data]).toEqual(['ask', 'answer']);
    }
  });

  it('is heard once by whoever listens, also when another listener ends the subscription meanwhile', async () => {
    const { house, members } = await crowded(CROWD + 4);
    const chat = channelOf(house, '/chat');
    for (const { side } of members) chat.subscribe(side);
    const [one, two] = members as [Member, Member];
    const heard: unknown[] = [];
    one.side.addListener('message', (_session, _sender, message) => {
      heard.push(['one', message.data]);
      chat.unsubscribe(two.side);
    });
    two.side.addListener('message', (_session, _sender, message) => void heard.push(['two', message.data]));
    chat.publish(null, 1);
    chat.publish(null, 2);
    expect((await two.raw.event('/chat')).data).toBe(1);
    for (const { raw } of members)
      if (raw !== two.raw) for (let count = 0; count < 2; count++) await raw.event('/chat');
    expect(heard).toEqual([
      ['one', 1],
      ['two', 1],
      ['one', 2],
    ]);
    expect(said(two.raw, '/chat')).toEqual([1]);
  });

  it('is not for a subscriber who comes behind it, whatever else that one is sent in the same turn', async () => {
    const { house, members } = await crowded(CROWD + 4);
    const chat = channelOf(house, '/chat');
    const [late, ...others] = members as [Member, ...Member[]];
    for (const { side } of others) chat.subscribe(side);
    chat.publish(null, 'before');
    chat.subscribe(late.side);
    late.side.deliver(null, '/chat', 'only for you');
    chat.publish(null, 'after');
    expect((await late.raw.event('/chat')).data).toBe('only for you');
    expect((await late.raw.event('/chat')).data).toBe('after');
  });

  it('is not told to a listener who comes behind it', async () => {
    const { house, members } = await crowded(CROWD + 4);
    const chat = channelOf(house, '/chat');
    for (const { side } of members) chat.subscribe(side);
    const { raw, side } = members[2] as Member;
    side.deliver(null, '/chat', 'first');
    chat.publish(null, 'second');
    const heard: unknown[] = [];
    side.addListener('queued', (_sender, message) => void heard.push(message.data));
    chat.publish(null, 'third');
    for (const data of ['first', 'second', 'third']) expect((await raw.event('/chat')).data).toBe(data);
    expect(heard).toEqual(['third']);
  });

  it('leaves with what is said when the server stops', async () => {
    const { house, members } = await crowded(CROWD + 4);
    const chat = channelOf(house, '/chat');
    for (const { side } of members) chat.subscribe(side);
    chat.publish(null, 'bye');
    await house.bayeux.stop();
    for (const { raw } of members) expect((await raw.event('/chat')).data).toBe('bye');
  });
});

describe('a run', () => {
  const sessions = ['one', 'two', 'three'] as unknown as Session[];
  const message = (data: number): ServerMessage => new ServerMessage({ channel: '/a', data }).freeze(new JSONContext());
  const open = (): Run => new Run({} as Channel, { sessions, watched: [] }, 7);
  const dataOf = (run: Run, heard: number) => run.due(heard).messages.map(({ data }) => data);

  it('gives each his turn, and those once more who had theirs before the newest message came', () => {
    const run = open();
    run.add(message(8));
    run.add(message(9));
    expect([run.next(), run.next()]).toEqual(['one', 'two']);
    expect(dataOf(run, 0)).toEqual([8, 9]);
    run.add(message(10));
    expect([run.next(), run.next(), run.next(), run.next()]).toEqual(['three', 'one', 'two', 'three']);
    expect(dataOf(run, 9)).toEqual([10]);
    expect(run.next()).toBeUndefined();
  });

  it('is over at once when there is no message', () => {
    expect(open().next()).toBeUndefined();
  });

  it('has for each what came after the number he has heard', () => {
    const run = open();
    for (const data of [8, 9, 10]) run.add(message(data));
    expect([0, 7, 8, 9, 10].map((heard) => dataOf(run, heard))).toEqual([[8, 9, 10], [8, 9, 10], [9, 10], [10], []]);
  });
});
