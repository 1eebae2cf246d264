/** Seti over messages alone, as in the mesh. */
import { Cloud } from '../clouds.ts';
import { setiSuite, setiWords } from './seti-suite.ts';

setiSuite(() => new Cloud());
setiWords(() => new Cloud());
