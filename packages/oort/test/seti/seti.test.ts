/** Seti where every node knows all users: over messages alone, as in the mesh, and over buckets. */
import { describe, expect, it } from 'vitest';
import { Cloud } from '../clouds.ts';
import { enter, setiSuite, setiWords, type Town, towns } from './seti-suite.ts';

setiSuite(() => new Cloud());
setiWords(() => new Cloud());

describe('over buckets', () => {
  setiSuite(() => new Cloud({ buckets: true }), 60, { routing: 'bucket' });
});

it('what the dead have left in the bucket is removed by one of the living, whoever saw them die', async () => {
  const cloud = new Cloud({ buckets: true });
  const [, a, b] = (await towns(cloud, 2, { routing: 'bucket' })) as [Cloud, Town, Town];
  a.seti.associate('bob', (await enter(a)).serverSession);
  b.seti.associate('carol', (await enter(b)).serverSession);
  await cloud.settled();
  const bucket = await b.oort.engine.buckets?.open('seti');
  cloud.memory.kill(a.url);
  await cloud.settled();
  expect(await bucket?.get([a.oort.id, 'bob'])).toBeNull();
  expect(await bucket?.get([b.oort.id, 'carol'])).not.toBeNull();
});
