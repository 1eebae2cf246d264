/** Nodes in charge over messages alone, as in the mesh. */
import { Cloud } from '../clouds.ts';
import { primarySuite } from './primary-suite.ts';

primarySuite(() => new Cloud());
