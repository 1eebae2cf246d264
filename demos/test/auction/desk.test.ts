/** What bidders' pages ask of a node, by clients that keep to no manners. */
import { type Launched, launch, MemoryCloud, openSession, type RawSession } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Auction } from '../../src/auction/auction.ts';
import { Warmth } from '../../src/auction/warmth.ts';

interface House {
  readonly launched: Launched;
  readonly auction: Auction;
}

async function houses(count: number): Promise<House[]> {
  const cloud = new MemoryCloud();
  const all: House[] = [];
  for (let n = 0; n < count; n++) {
    const launched = await launch({ options: { logLevel: 'error' } });
    const auction = new Auction(launched.bayeux, { url: launched.url, engine: cloud.engine() });
    await auction.start();
    onTestFinished(async () => {
      await auction.stop();
      await launched.close();
    });
    all.push({ launched, auction });
  }
  await cloud.settled();
  return all;
}

async function guest({ launched }: House): Promise<RawSession> {
  const session = await openSession('websocket', launched.url);
  onTestFinished(() => session.close());
  await session.handshake();
  return session;
}

/** The answer of a remote call. */
async function ask(session: RawSession, what: 'enter' | 'bid', data: unknown): Promise<Record<string, unknown>> {
  const message = session.message(`/service/auction/${what}`, { data });
  const answer = session.inbox.next(({ id, data }) => id === message.id && data !== undefined);
  await session.ask(message);
  return (await answer).data as Record<string, unknown>;
}

const enter = (session: RawSession, name: unknown, token: unknown = `token-of-${name}`) =>
  ask(session, 'enter', { name, token });
let keys = 0;
const bid = (session: RawSession, amount: unknown, lot: unknown = 'kite', key: unknown = `key-0000${++keys}`) =>
  ask(session, 'bid', { lot, amount, key });

describe('the desk', () => {
  it('tells whoever enters where they are, what there is and who is there', async () => {
    const [one, other] = (await houses(2)) as [House, House];
    const anna = await guest(one);
    await enter(anna, 'Anna');
    await bid(anna, 50);
    const ben = await guest(other);
    const entered = await enter(ben, 'Ben');
    const urls = [one.launched.url, other.launched.url];
    expect(entered).toMatchObject({
      you: { name: 'Ben' },
      node: urls[1],
      nodes: [...urls].sort(),
      doors: expect.arrayContaining(urls.map((url) => ({ url, name: new URL(url).host }))),
      standings: [{ lot: 'kite', amount: 50, bidder: { name: 'Anna' } }],
      bidders: [
        { name: 'Anna', nodes: [urls[0]] },
        { name: 'Ben', nodes: [urls[1]] },
      ],
    });
    expect((entered.lots as unknown[]).length).toBe(12);
    expect(JSON.stringify(entered)).not.toContain(anna.clientId);
  });

  it.each([
    ['no name', { name: ' \u200b', token: 'token-of-anna' }, 'name'],
    ['a name that is too long', { name: 'a'.repeat(25), token: 'token-of-anna' }, 'name'],
    ['no token', { name: 'Anna' }, 'token'],
    ['nothing', null, 'name'],
  ])('lets nobody in with %s', async (_title, data, refused) => {
    const [house] = (await houses(1)) as [House];
    expect(await ask(await guest(house), 'enter', data)).toEqual({ refused });
  });

  it.each([
    ['that is no number', '50', 'kite', undefined, 'amount'],
    ['of half a coin', 50.5, 'kite', undefined, 'amount'],
    ['below nothing', -50, 'kite', undefined, 'amount'],
    ['beyond all numbers', 1e300, 'kite', undefined, 'amount'],
    ['for what is not there', 50, 'moon', undefined, 'lot'],
    ['for no lot', 50, { toString: 'kite' }, undefined, 'lot'],
    ['for what every object has', 50, 'constructor', undefined, 'lot'],
    ['without a key', 50, 'kite', null, 'key'],
    ['that is too low', 44, 'kite', undefined, 'low'],
    ['over all purses', 2_000_000, 'kite', undefined, 'high'],
  ])('refuses a bid %s', async (_title, amount, lot, key, refused) => {
    const [house] = (await houses(1)) as [House];
    const anna = await guest(house);
    await enter(anna, 'Anna');
    expect(await bid(anna, amount, lot, key)).toMatchObject({ refused });
  });

  it('takes no bids from strangers, and none that come too fast', async () => {
    const [house] = (await houses(1)) as [House];
    const anna = await guest(house);
    expect(await bid(anna, 50)).toEqual({ refused: 'stranger' });
    await enter(anna, 'Anna');
    const answers = [];
    for (let n = 0; n < 13; n++) answers.push(await bid(anna, 50));
    expect(answers[0]).toMatchObject({ amount: 50, bidder: { name: 'Anna' } });
    expect(answers[1]).toMatchObject({ refused: 'leading' });
    expect(answers[12]).toEqual({ refused: 'too_fast' });
  });

  it('tells everybody of a new standing, and the bidder who was the highest, on whichever node they are', async () => {
    const [one, other] = (await houses(2)) as [House, House];
    const [anna, ben] = [await guest(one), await guest(other)];
    await enter(anna, 'Anna');
    await enter(ben, 'Ben');
    await anna.subscribe('/auction/item/*');
    await bid(anna, 50);
    await bid(ben, 60);
    expect((await anna.event('/auction/item/kite')).data).toMatchObject({ amount: 50, bidder: { name: 'Anna' } });
    expect((await anna.event('/service/auction/outbid')).data).toEqual({
      lot: 'kite',
      amount: 60,
      by: { id: expect.any(String), name: 'Ben' },
    });
  });

  it('tells everybody who comes and goes, and whose node is gone', async () => {
    const [one, other] = (await houses(2)) as [House, House];
    const [anna, ben] = [await guest(one), await guest(other)];
    await enter(anna, 'Anna');
    await anna.subscribe(['/auction/bidders', '/auction/nodes']);
    await enter(ben, 'Ben');
    expect((await anna.event('/auction/bidders')).data).toMatchObject({ bidders: [{ name: 'Anna' }, { name: 'Ben' }] });
    await other.auction.oort.stop();
    expect((await anna.event('/auction/nodes')).data).toEqual({ nodes: [one.launched.url] });
    const last = await anna.inbox.next(
      ({ channel, data }) => channel === '/auction/bidders' && (data as { bidders: unknown[] }).bidders.length === 1,
    );
    expect(last.data).toMatchObject({ bidders: [{ name: 'Anna' }] });
  });

  it('lets nobody speak in its name, nor listen where nothing is', async () => {
    const [house] = (await houses(1)) as [House];
    const anna = await guest(house);
    await enter(anna, 'Anna');
    const replies = [
      await anna.publish('/auction/item/kite', { amount: 1 }),
      await anna.publish('/auction/bidders', { bidders: [] }),
      await anna.publish('/auction/else', {}),
      await anna.subscribe('/auction/item/moon'),
      await anna.subscribe('/auction/else'),
    ];
    expect(replies.map(({ successful, error }) => [successful, String(error).slice(0, 14)])).toEqual(
      replies.map(() => [false, '403:not_yours:']),
    );
    const replies2 = await anna.subscribe([
      '/auction/item/*',
      '/auction/item/kite',
      '/auction/bidders',
      '/auction/nodes',
    ]);
    expect(replies2.successful).toBe(true);
  });

  it('opens when the node knows what the others know', async () => {
    const cloud = new MemoryCloud();
    const warmth = new Warmth();
    const launched = await launch({
      options: { logLevel: 'error' },
      prepare: (bayeux) => {
        bayeux.securityPolicy = warmth;
      },
    });
    const auction = new Auction(launched.bayeux, { url: launched.url, engine: cloud.engine(), warmth });
    onTestFinished(async () => {
      await auction.stop();
      await launched.close();
    });
    const early = await openSession('websocket', launched.url);
    onTestFinished(() => early.close());
    expect((await early.handshake()).successful).toBe(false);
    await auction.start();
    const late = await openSession('websocket', launched.url);
    onTestFinished(() => late.close());
    expect((await late.handshake()).successful).toBe(true);
  });
});
