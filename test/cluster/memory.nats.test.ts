/** What a node on NATS holds. */
import { type NatsServer, natsProgram, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe } from 'vitest';
import { memorySuite } from './memory-suite.ts';
import { NatsNodes } from './nats-nodes.ts';

describe.skipIf('reason' in natsProgram('current'))('on NATS', () => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats.close());

  memorySuite(() => NatsNodes.ready(nats), 0);
});
