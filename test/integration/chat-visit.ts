/** People at different servers of one cluster meet in the chat of the demos. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { openSession, type RawSession } from '@cometd-ts/testkit';
import { expect, onTestFinished } from 'vitest';

/** The demos serve pages, too, and these bring the client as it is published. */
export function bundleClient(): void {
  execFileSync(process.execPath, [path.join(import.meta.dirname, '../../packages/client/bundle.js')]);
}

/** A session that has connected, closed when the test ends. */
export async function enter(
  transport: 'websocket' | 'long-polling',
  url: string,
  options: Parameters<typeof openSession>[2] = {},
): Promise<RawSession> {
  const session = await openSession(transport, url, options);
  onTestFinished(() => session.close());
  await session.handshake();
  await session.connect(0);
  return session;
}

/** Anna and Ben sit at different servers; `late` opens a session anywhere. */
export async function chatVisit(anna: RawSession, ben: RawSession, late: () => Promise<RawSession>): Promise<void> {
  const call = async (session: RawSession, channel: string, data: object): Promise<Record<string, unknown>> => {
    const message = session.message(channel, { data });
    const answer = session.inbox.next((one) => one.id === message.id && one.data !== undefined);
    await session.ask(message);
    return (await answer).data as Record<string, unknown>;
  };
  const join = (session: RawSession, name: string, token: string) =>
    call(session, '/service/chat/join', { name, room: 'lobby', token });
  const first = (await join(anna, 'Anna', 'token-of-anna')) as { you: { id: string } };
  for (const channel of ['/chat/lobby', '/members/lobby']) await anna.subscribe(channel);
  const came = anna.event('/members/lobby');
  const second = await join(ben, 'Anna', 'token-of-ben');
  expect(second).toMatchObject({ you: { name: 'Anna 2' }, members: [{ name: 'Anna 2' }, { name: 'Anna' }] });
  expect((await came).data).toMatchObject({ joined: { name: 'Anna 2' } });
  const said = anna.event('/chat/lobby');
  expect((await ben.publish('/chat/lobby', { text: 'Hello', key: 'key-00001' })).successful).toBe(true);
  expect((await said).data).toMatchObject({ text: 'Hello', from: { name: 'Anna 2' } });
  const whispered = anna.event('/service/privatechat');
  await call(ben, '/service/privatechat', { to: first.you.id, text: 'Psst', key: 'key-00002' });
  expect((await whispered).data).toMatchObject({ text: 'Psst' });
  expect(await join(await late(), 'Carl', 'token-of-carl')).toMatchObject({ history: [{ text: 'Hello' }] });
  const gone = anna.inbox.next(
    ({ channel, data }) => channel === '/members/lobby' && JSON.stringify(data).includes('left'),
  );
  await ben.disconnect();
  expect((await gone).data).toMatchObject({ left: { name: 'Anna 2' } });
}
