/** What an application sees of its cluster, in memory. */
import { Cloud } from './clouds.ts';
import { oortSuite } from './oort-suite.ts';

oortSuite(() => new Cloud());
