/** Lists over messages alone, as in the mesh. */
import { Cloud } from '../clouds.ts';
import { listSuite, listWords } from './list-suite.ts';

listSuite(() => new Cloud());
listWords(() => new Cloud());
