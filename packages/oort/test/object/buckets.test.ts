/** Objects whose parts are kept in buckets are what they are by messages. */
import { MemoryCloud } from '@cometd-ts/testkit';
import { Cloud } from '../clouds.ts';
import { convergenceSuite } from './convergence-suite.ts';
import { listSuite } from './list-suite.ts';
import { longSuite } from './long-suite.ts';
import { mapSuite } from './map-suite.ts';
import { objectSuite } from './object-suite.ts';

const lay = (): Cloud => new Cloud({ buckets: true });

objectSuite(lay);
mapSuite(lay);
listSuite(lay);
longSuite(lay);
convergenceSuite(() => new MemoryCloud({ buckets: true }));
