/** `cometd serve --cluster nats://…` as a person runs it. */
import { openSession } from '@cometd-ts/testkit';
import { type NatsServer, natsPrograms, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bundleClient, chatVisit, enter } from '../integration/chat-visit.ts';
import { openStage, type Serving, type Stage } from '../integration/workers-stage.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});
afterEach(() => stage.clear());
afterAll(() => stage?.close());

const eventually = (expected: () => Promise<void> | void) => vi.waitFor(expected, { timeout: 20_000, interval: 50 });
const read = async (url: string): Promise<string> => (await fetch(url)).text();
const managementOf = async (serving: Serving): Promise<string> =>
  (await serving.said(/^Management is listening on (\S+)$/m))[1] ?? '';

for (const program of natsPrograms()) {
  if ('reason' in program) continue;
  describe(`cometd serve on nats-server ${program.version}`, () => {
    let nats: NatsServer;

    beforeAll(async () => {
      nats = await startNats({ kind: program.kind, config: 'authorization { token: "open sesame" }' });
    });
    afterAll(() => nats?.close());

    const node = (name: string, ...more: string[]): Promise<Serving> => {
      const flags = ['--oort-url', `http://${name}.test/cometd`, '--oort-channels', '/chat/**', '--management', '0'];
      const way = ['--cluster', `nats://127.0.0.1:${nats.port}`, '--set', 'oort.readyz=down', '--log-level', 'debug'];
      return stage.serve([...flags, ...way, ...more], { COMETD_NATS_TOKEN: 'open sesame' });
    };

    it('is a node: messages cross, and metrics and health say how NATS is', async () => {
      const [one, two] = await Promise.all([node('one'), node('two')]);
      const management = await managementOf(two);
      await eventually(async () =>
        expect(await read(`${management}/metrics`)).toContain('cometd_cluster_nodes{state="joined"} 1'),
      );
      const [ada, bob] = await Promise.all([openSession('websocket', `${one.url}`), openSession('websocket', two.url)]);
      for (const session of [ada, bob]) await session.handshake();
      await bob.subscribe('/chat/lobby');
      const heard = bob.event('/chat/lobby', 20_000);
      await ada.publish('/chat/lobby', 'across');
      expect(await heard).toMatchObject({ data: 'across' });
      // Whoever only hangs up is waited for, as somebody who may come back.
      for (const session of [ada, bob]) await session.disconnect();
      await Promise.all([ada.close(), bob.close()]);

      expect((await fetch(`${management}/readyz`)).status).toBe(200);
      await nats.stop();
      await eventually(async () => expect(await read(`${management}/readyz`)).toContain('cluster: down: NATS is away'));
      expect(await read(`${management}/metrics`)).toContain('cometd_cluster_state 2');
      await nats.start();
      await eventually(async () => expect((await fetch(`${management}/readyz`)).status).toBe(200));

      one.child.kill('SIGTERM');
      expect(await one.ended).toBe(0);
      await eventually(async () =>
        expect(await read(`${management}/metrics`)).toContain('cometd_cluster_nodes{state="joined"} 0'),
      );
      expect(one.output()).toContain('oort.nats.servers');
      expect(one.output() + two.output()).not.toContain('open sesame');
    }, 60_000);

    it('carries the chat of the demos', async () => {
      bundleClient();
      const flags = ['--cluster', `nats://127.0.0.1:${nats.port}`, '--demo', '--oort-url'];
      const secret = { COMETD_NATS_TOKEN: 'open sesame' };
      const start = (name: string) => stage.serve([...flags, `http://${name}.test/cometd`], secret);
      const [one, two] = await Promise.all([start('anna'), start('ben')]);
      const at = ({ url }: Serving) => enter('websocket', `${url}cometd`);
      await chatVisit(await at(one), await at(two), () => at(two));
    }, 60_000);

    it('says in one sentence that it is not let in', async () => {
      const flags = ['--cluster', `nats://127.0.0.1:${nats.port}`, '--oort-url', 'http://one.test/cometd'];
      const serving = stage.run(flags, { COMETD_NATS_TOKEN: 'open barley' });
      expect(await serving.ended).toBe(1);
      expect(serving.output().trim()).toMatch(/^cometd: NATS does not let this node in: .*127\.0\.0\.1.*$/);
    });
  });
}
