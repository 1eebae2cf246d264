/** Seti on NATS. */
import { natsProgram } from '@cometd-ts/testkit/nats';
import { describe } from 'vitest';
import { Cloud } from '../clouds.ts';
import { setiSuite } from '../seti/seti-suite.ts';
import { natsFields } from './field.ts';

describe.skipIf('reason' in natsProgram('current'))('on NATS', () => {
  const lay = natsFields();
  setiSuite(() => new Cloud(lay()), 5);
});
