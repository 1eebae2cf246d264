/** Whoever has the permission can write into the namespace of a cluster: nodes believe nothing that does not look as it should. */
import { natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { connect, headers } from '@nats-io/transport-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, listen, nodes } from './nodes.ts';

describe.skipIf('reason' in natsProgram('current'))('strangers in the namespace', () => {
  it('are counted, and change nothing', async () => {
    const nats = await startNats({ jetStream: false });
    onTestFinished(() => nats.close());
    const options = { channels: ['/x/*'], nats: { leaveAfter: 10_000 } };
    const [a, b] = await nodes(nats.port, options, options);
    const heard = listen(b!, '/x/1');
    const stranger = await connect({ servers: nats.url });
    onTestFinished(() => stranger.close());
    const [to, from] = [b!.oort.id, a!.oort.id];
    const head = (fields: Record<string, string>) => {
      const all = headers();
      for (const [name, value] of Object.entries(fields)) all.set(name, value);
      return { headers: all };
    };
    const message = JSON.stringify({ channel: '/x/1', data: 'strange' });
    const garbage = ['', '{', 'null', '[]', '{}', '"x"', '{"revision":-1}', '{"revision":1,"record":{}}', '\u0000'];
    const record = { id: from, url: '', started: 1, version: 1, revision: 1, observed: [], interest: [] };
    for (const text of [...garbage, JSON.stringify({ record, lost: 0, asks: true })]) {
      stranger.publish(`cometd.hb.${to}x`, text);
      stranger.publish(`cometd.to.${to}`, text);
      stranger.publish('cometd.ch.x.1', text);
      for (const kind of ['heartbeat', 'introduction', 'missed', 'again', 'message', 'delivery', 'other'])
        stranger.publish(`cometd.to.${to}`, text, head({ 'Oort-Src': 'nobody', 'Oort-Seq': '1', 'Oort-Kind': kind }));
    }
    const known = { 'Oort-Src': from, 'Oort-Seq': '1000000' };
    stranger.publish('cometd.ch.x.1', message);
    stranger.publish('cometd.ch.x.1', message, head({ 'Oort-Src': 'nobody', 'Oort-Seq': '1' }));
    for (const number of ['0', '-1', 'x', '1.5', ''])
      stranger.publish('cometd.ch.x.1', message, head({ ...known, 'Oort-Seq': number }));
    for (const piece of ['1', '2/1', '0/2', '1/2/3', 'a/b', '9999999/9999999'])
      stranger.publish('cometd.ch.x.1', message, head({ ...known, 'Oort-Piece': piece }));
    await stranger.flush();
    await a!.client.send({ channel: '/x/1', data: 'ours' });
    await eventually(() => expect(heard).toEqual(['ours']));
    expect(b!.server.diagnostics.counters.get('rejected.oort_nats')).toBeGreaterThan(50);
    expect(b!.server.diagnostics.counters.get('nats.latecomer')).toBeGreaterThan(0);
    expect(b!.oort.members).toEqual([{ id: from, url: a!.url }]);
    expect([b!.life, b!.oort.status.state]).toEqual([[`joined ${a!.url}`], 'up']);
  });
});
