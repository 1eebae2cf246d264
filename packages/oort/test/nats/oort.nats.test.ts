/** What an application sees of its cluster on NATS. */
import { natsProgram } from '@cometd-ts/testkit/nats';
import { describe } from 'vitest';
import { Cloud } from '../clouds.ts';
import { oortSuite } from '../oort-suite.ts';
import { natsFields } from './field.ts';

describe.skipIf('reason' in natsProgram('current'))('on NATS', () => {
  const lay = natsFields();
  oortSuite(() => new Cloud(lay()));
});
