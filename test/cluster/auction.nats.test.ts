/** The auction on NATS: it promises what it promises on the mesh. */
import { type NatsServer, natsPrograms, startNats } from '@cometd-ts/testkit/nats';
import { afterAll, beforeAll, describe } from 'vitest';
import { keepsBids } from '../../demos/test/cluster/bids-suite.ts';
import { makePrograms, openCloud } from '../../demos/test/cluster/processes.ts';

for (const program of natsPrograms()) {
  if ('reason' in program) continue;
  describe(`with nats-server ${program.version}`, () => {
    let nats: NatsServer;

    beforeAll(async () => {
      await makePrograms();
      nats = await startNats({ kind: program.kind });
    }, 60_000);

    afterAll(() => nats?.close());

    keepsBids('on NATS', () => openCloud(`nats://127.0.0.1:${nats.port}`));
  });
}
