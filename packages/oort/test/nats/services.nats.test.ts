/** Services on NATS, and nodes in charge of some. */
import { natsProgram } from '@cometd-ts/testkit/nats';
import { describe } from 'vitest';
import { Cloud } from '../clouds.ts';
import { addressedServiceSuite } from '../service/address-suite.ts';
import { electionSuite } from '../service/election-suite.ts';
import { primarySuite } from '../service/primary-suite.ts';
import { serviceSuite } from '../service/service-suite.ts';
import { natsFields } from './field.ts';

describe.skipIf('reason' in natsProgram('current'))('on NATS', () => {
  const lay = natsFields();
  serviceSuite(() => new Cloud(lay()));
  addressedServiceSuite(() => new Cloud(lay()));
  primarySuite(() => new Cloud(lay()));
  electionSuite(() => new Cloud(lay()));
});
