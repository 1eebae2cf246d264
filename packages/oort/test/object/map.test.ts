/** Maps over messages alone, as in the mesh. */
import { Cloud } from '../clouds.ts';
import { mapSuite, mapWords } from './map-suite.ts';

mapSuite(() => new Cloud());
mapWords(() => new Cloud());
