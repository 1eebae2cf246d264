/** The server's side of the chat, asked by clients that do not keep to the page's manners. */
import { execFileSync } from 'node:child_process';
import { join as pathOf } from 'node:path';
import { type Launched, launch, openSession, type RawSession } from '@cometd-ts/testkit';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { demo } from '../src/index.ts';

describe('the chat', () => {
  let house: Launched;
  let guests: RawSession[];

  // `demo` serves pages, too, and these bring the client as it is published.
  beforeAll(() => {
    execFileSync(process.execPath, [pathOf(import.meta.dirname, '../../packages/client/bundle.js')]);
  });

  beforeEach(async () => {
    guests = [];
    house = await launch({ prepare: (bayeux) => void demo(bayeux) });
  });

  afterEach(async () => {
    for (const guest of guests) await guest.close();
    await house.close();
  });

  async function guest(): Promise<RawSession> {
    const session = await openSession('websocket', house.url);
    guests.push(session);
    await session.handshake();
    return session;
  }

  /** The answer of a remote call. */
  async function remoteCall(session: RawSession, channel: string, data: unknown): Promise<Record<string, unknown>> {
    const message = session.message(channel, { data });
    const answer = session.inbox.next(({ id, data }) => id === message.id && data !== undefined);
    await session.ask(message);
    return (await answer).data as Record<string, unknown>;
  }

  const join = (session: RawSession, name: unknown, room: unknown = 'lobby', token: unknown = `token-of-${name}`) =>
    remoteCall(session, '/service/chat/join', { name, room, token });

  const words = (text: unknown, key: unknown = 'key-00001') => ({ text, key });

  it.each([
    ['a name of nothing visible', ' \u200b\u202e ', 'lobby', 'name'],
    ['a name that is too long', 'a'.repeat(25), 'lobby', 'name'],
    ['a name that is no text', { toString: 'Anna' }, 'lobby', 'name'],
    ['a room that would be two channels', 'Anna', 'lobby/kitchen', 'room'],
    ['a room that would be a wildcard', 'Anna', '*', 'room'],
    ['a room without a name', 'Anna', null, 'room'],
  ])('refuses %s', async (_title, name, room, refused) => {
    expect(await join(await guest(), name, room, 'token-of-somebody')).toEqual({ refused });
  });

  it('takes names to their limit and strips what would rearrange a line', async () => {
    const anna = await join(await guest(), `\u202e${'a'.repeat(24)}\n`, 'lobby', 'token-of-anna');
    expect(anna.you).toMatchObject({ name: 'a'.repeat(24) });
  });

  it('never tells anybody the id of a session', async () => {
    const anna = await guest();
    const ben = await guest();
    await join(anna, 'Anna');
    const answer = await join(ben, 'Ben');
    expect(JSON.stringify(answer)).not.toContain(anna.clientId);
  });

  it('lets nobody hear or speak in a room they are not in', async () => {
    const anna = await guest();
    await join(anna, 'Anna', 'kitchen');
    const replies = [
      await anna.publish('/chat/lobby', words('Hello')),
      await anna.subscribe('/chat/lobby'),
      await anna.subscribe('/members/lobby'),
      await anna.subscribe('/chat/*'),
      await anna.publish('/members/kitchen', { left: { id: 'x', name: 'Ben' } }),
    ];
    expect(replies.map(({ successful, error }) => [successful, String(error).slice(0, 4)])).toEqual(
      replies.map(() => [false, '403:']),
    );
    expect((await anna.subscribe(['/chat/kitchen', '/members/kitchen'])).successful).toBe(true);
  });

  it.each([
    ['no text', words(undefined)],
    ['blank text', words(' \n ')],
    ['a text over the limit', words('a'.repeat(1001))],
    ['no key', words('Hello', null)],
    ['a key that is too long', words('Hello', 'k'.repeat(41))],
    ['nothing but a string', 'Hello'],
  ])('refuses a message with %s', async (_title, data) => {
    const anna = await guest();
    await join(anna, 'Anna');
    expect(await anna.publish('/chat/lobby', data)).toMatchObject({
      successful: false,
      error: '403:text:publish_denied',
    });
  });

  it('says itself who spoke and when, whatever the message claims', async () => {
    const anna = await guest();
    const { you } = await join(anna, 'Anna');
    await anna.subscribe('/chat/lobby');
    await anna.publish('/chat/lobby', {
      ...words('a'.repeat(1000)),
      from: { id: 'ben', name: 'Ben' },
      at: 0,
      html: '<b>',
    });
    const { data } = await anna.event('/chat/lobby');
    expect(data).toEqual({ key: expect.any(String), from: you, text: 'a'.repeat(1000), at: expect.any(Number) });
    expect((data as { at: number }).at).toBeGreaterThan(0);
  });

  it('remembers a message that is sent twice once', async () => {
    const anna = await guest();
    await join(anna, 'Anna');
    await anna.publish('/chat/lobby', words('Hello'));
    await anna.publish('/chat/lobby', words('Hello'));
    const { history } = await join(await guest(), 'Ben');
    expect(history).toHaveLength(1);
  });

  it('remembers the last fifty messages and no more', { timeout: 30_000 }, async () => {
    for (let visitor = 0; visitor < 6; visitor++) {
      const session = await guest();
      await join(session, `Visitor ${visitor}`, 'lobby', `token-of-${visitor}`);
      for (let count = 0; count < 10; count++)
        await session.publish('/chat/lobby', words(`${visitor}.${count}`, `key-${visitor}-${count}0`));
    }
    const { history } = await join(await guest(), 'Anna');
    expect((history as { text: string }[]).map(({ text }) => text)).toHaveLength(50);
    expect(history).toMatchObject({ 0: { text: '1.0' }, 49: { text: '5.9' } });
  });

  it('slows down whoever talks too fast', async () => {
    const anna = await guest();
    await join(anna, 'Anna');
    const flood = Array.from({ length: 20 }, (_, n) =>
      anna.message('/chat/lobby', { data: words('Hello', `key-0000${n}`) }),
    );
    const replies = await anna.ask(...flood);
    expect(replies.slice(0, 12).every(({ successful }) => successful)).toBe(true);
    expect(replies.at(-1)).toMatchObject({ successful: false, error: '403:too_fast:publish_denied' });
  });

  it('hands a private message to its addressee alone', async () => {
    const [anna, ben, carl] = [await guest(), await guest(), await guest()];
    await join(anna, 'Anna');
    const { you } = await join(ben, 'Ben');
    await join(carl, 'Carl');
    await carl.subscribe(['/chat/lobby', '/**']);
    const to = (you as { id: string }).id;
    await remoteCall(anna, '/service/privatechat', { to, ...words('A secret') });
    expect((await ben.event('/service/privatechat')).data).toMatchObject({
      text: 'A secret',
      from: { name: 'Anna' },
      to: { name: 'Ben' },
    });
    await carl.call('/service/nothing', { data: {} });
    expect(JSON.stringify(carl.inbox.all)).not.toContain('A secret');
    expect(await remoteCall(anna, '/service/privatechat', { to: 'nobody', ...words('Hm') })).toEqual({
      refused: 'nobody',
    });
  });

  it('gives the seat to whoever comes back with the same token, and nobody hears of it', async () => {
    const watcher = await guest();
    await join(watcher, 'Watcher');
    await watcher.subscribe('/members/lobby');
    const first = await join(await guest(), 'Anna');
    const again = await join(await guest(), 'Anna');
    expect(again.you).toEqual(first.you);
    expect(again.members).toHaveLength(2);
    await watcher.call('/service/nothing', { data: {} });
    expect(watcher.inbox.events('/members/lobby').map(({ data }) => Object.keys(data as object))).toEqual([
      ['joined'],
      ['joined'],
    ]);
    expect((await guests[1]?.publish('/chat/lobby', words('Am I still here?')))?.error).toBe(
      '403:not_in_room:channel_create_denied',
    );
  });

  it('seats whoever comes back by the handshake, before their first subscription', async () => {
    const anna = await guest();
    await join(anna, 'Anna');
    const session = await openSession('websocket', house.url);
    guests.push(session);
    await session.handshake({ ext: { chat: { name: 'Anna', room: 'lobby', token: 'token-of-Anna' } } });
    expect((await session.subscribe(['/chat/lobby', '/members/lobby'])).successful).toBe(true);
    const { members } = await join(session, 'Anna');
    expect(members).toHaveLength(1);
  });

  it('lets a handshake pass that asks for an impossible seat, and gives none', async () => {
    const session = await openSession('websocket', house.url);
    guests.push(session);
    await session.handshake({ ext: { chat: { name: '', room: '*', token: 1 } } });
    expect((await session.subscribe('/chat/lobby')).successful).toBe(false);
  });

  it('takes the seat away when the session ends', async () => {
    const [anna, ben] = [await guest(), await guest()];
    await join(anna, 'Anna');
    await join(ben, 'Ben');
    await anna.subscribe('/members/lobby');
    await ben.disconnect();
    expect((await anna.event('/members/lobby')).data).toMatchObject({ left: { name: 'Ben' } });
  });
});
