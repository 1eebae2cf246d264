/** What a node of a mesh holds. */
import { memorySuite } from './memory-suite.ts';
import { Nodes } from './nodes.ts';

memorySuite(() => Nodes.ready(), 4);
