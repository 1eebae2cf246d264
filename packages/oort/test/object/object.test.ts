/** Objects over messages alone, as in the mesh. */
import { Cloud } from '../clouds.ts';
import { objectSuite, objectWords } from './object-suite.ts';

objectSuite(() => new Cloud());
objectWords(() => new Cloud());
