/** What is published on NATS is heard on all nodes, whatever happens to them and to their ways to NATS. */
import { type NatsServer, natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe } from 'vitest';
import { historySuite } from './history-suite.ts';
import { NatsNodes } from './nats-nodes.ts';

describe.skipIf('reason' in natsProgram('current'))('on NATS', () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats.close());

  historySuite(() => NatsNodes.ready(nats));
});
