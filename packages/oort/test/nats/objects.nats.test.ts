/** Distributed objects on NATS. */
import { natsProgram } from '@cometd-ts/testkit/nats';
import { describe } from 'vitest';
import { Cloud } from '../clouds.ts';
import { convergenceSuite } from '../object/convergence-suite.ts';
import { listSuite } from '../object/list-suite.ts';
import { longSuite } from '../object/long-suite.ts';
import { mapSuite } from '../object/map-suite.ts';
import { objectSuite } from '../object/object-suite.ts';
import { natsFields } from './field.ts';

describe.skipIf('reason' in natsProgram('current'))('on NATS', () => {
  const lay = natsFields();
  const cloud = (): Cloud => new Cloud(lay());
  objectSuite(cloud);
  mapSuite(cloud);
  listSuite(cloud);
  longSuite(cloud);
  convergenceSuite(lay, 5);
});
