/** Services over messages alone, as in the mesh. */
import { Cloud } from '../clouds.ts';
import { serviceSuite, serviceWords } from './service-suite.ts';

serviceSuite(() => new Cloud());
serviceWords(() => new Cloud());
