/** Numbers over messages alone, as in the mesh. */
import { Cloud } from '../clouds.ts';
import { longSuite } from './long-suite.ts';

longSuite(() => new Cloud());
