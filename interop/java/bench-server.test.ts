/** CometD for Java serves the load of the benchmark in each of its variants: whoever subscribed receives what is published. */
import { describe, it } from 'vitest';
import { obstacleOf, visit } from '../../test/integration/bench-visit.ts';

const plain = ['fan-out', 'fan-out-10', 'fan-out-batch', 'fan-out-8k', 'reply', 'long-polling', 'long-polling-8k'];
/** Each with a server of its own. */
const variants = [
  ['long-polling-h2', 'long-polling-tls', 'fan-out-tls'],
  ['fan-out-ack', 'fan-out-10-ack', 'long-polling-ack'],
  ['fan-out-binary', 'long-polling-binary'],
  ['fan-out-lazy'],
];
const obstacle = await obstacleOf('java');

describe.skipIf(obstacle !== '')('the Java servers of the benchmark', () => {
  it.each([plain, ...variants].map((names) => [names]))('deliver to all in %j', (names) => visit('java', names));
  it('deliver to all with small pools', () => visit('java-small', plain));
});
