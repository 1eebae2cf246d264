/** Objects come together again over messages alone, as in the mesh. */
import { MemoryCloud } from '@cometd-ts/testkit';
import { convergenceSuite } from './convergence-suite.ts';

convergenceSuite(() => new MemoryCloud());
