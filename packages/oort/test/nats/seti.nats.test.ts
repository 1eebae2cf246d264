/** Seti on NATS. */
import { natsProgram } from '@cometd-ts/testkit/nats';
import { describe } from 'vitest';
import { Cloud } from '../clouds.ts';
import { interestSuite } from '../seti/interest-suite.ts';
import { setiSuite } from '../seti/seti-suite.ts';
import { natsFields } from './field.ts';

describe.skipIf('reason' in natsProgram('current'))('on NATS', () => {
  const lay = natsFields();
  setiSuite(() => new Cloud(lay()), 5);

  describe('by a bucket', () => {
    setiSuite(() => new Cloud(lay()), 5, { routing: 'bucket' });
  });

  describe('by interest', () => {
    interestSuite(() => new Cloud(lay()));
  });

  describe('by interest in shards', () => {
    interestSuite(() => new Cloud(lay()), 16);
  });
});
