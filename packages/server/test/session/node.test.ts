/** Sessions that are nodes of a cluster: what is closed to everybody else, and counted for everybody else, is theirs. */
import { describe, expect, it } from 'vitest';
import { host } from '../hosting.ts';

describe('a session that is a node', () => {
  it('may use the channels of the cluster, which are closed to others', async () => {
    const house = await host();
    const [node, other] = await Promise.all([house.enter(), house.enter()]);
    house.sideOf(node).isNode = true;
    expect(await node.subscribe('/seti/all')).toMatchObject({ successful: true });
    expect(await other.call('/meta/subscribe', { subscription: '/seti/all' })).toMatchObject({ successful: false });
    await other.subscribe('/**');
    expect(await node.call('/seti/all', { data: 1 })).toMatchObject({ successful: true });
    expect(await node.event('/seti/all')).toMatchObject({ data: 1 });
    expect(other.inbox.events('/seti/all')).toEqual([]);
  });

  it('is not counted by rates', async () => {
    const house = await host({ maxPublishRate: 1, publishBurst: 1, maxSubscribeRate: 1, subscribeBurst: 1 });
    const [node, other] = await Promise.all([house.enter(), house.enter()]);
    house.sideOf(node).isNode = true;
    for (const _ of [1, 2, 3]) expect(await node.call('/a', { data: 1 })).toMatchObject({ successful: true });
    for (const name of ['/b', '/c', '/d']) expect(await node.subscribe(name)).toMatchObject({ successful: true });
    expect(await other.call('/a', { data: 1 })).toMatchObject({ successful: true });
    expect(await other.call('/a', { data: 1 })).toMatchObject({ error: expect.stringContaining('maxPublishRate') });
  });

  it('is let in where nobody else is, because it was one before the handshake was decided', async () => {
    const house = await host({ maxUnconnectedSessions: 0 });
    let isNode = false;
    house.bayeux.addExtension({
      rcvMeta: (from) => {
        if (from) from.isNode = isNode;
      },
    });
    expect((await house.enter()).clientId).toBe('');
    isNode = true;
    expect(await (await house.enter()).subscribe('/seti/all')).toMatchObject({ successful: true });
  });

  it('publishes whole messages: ext and other fields reach the subscribers', async () => {
    const house = await host();
    const [node, subscriber] = await Promise.all([house.enter(), house.enter()]);
    house.sideOf(node).isNode = true;
    await subscriber.subscribe('/a');
    await node.call('/a', { data: 1, ext: { trace: 'T' }, own: 2 });
    expect(await subscriber.event('/a')).toEqual({ channel: '/a', data: 1, ext: { trace: 'T' }, own: 2 });
  });
});

it('a local session publishes whole messages, too', async () => {
  const house = await host();
  const subscriber = await house.enter();
  await subscriber.subscribe('/a');
  const local = house.bayeux.newLocalSession('oort');
  await local.handshake();
  await local.send({ channel: '/a', data: 1, ext: { trace: 'T' }, own: 2 });
  expect(await subscriber.event('/a')).toEqual({ channel: '/a', data: 1, ext: { trace: 'T' }, own: 2 });
});
