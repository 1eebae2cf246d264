/** The limits that the benchmark measures against serve: whoever subscribed receives what is published. */
import { describe, it } from 'vitest';
import type { ServerName } from '../../bench/src/scenarios.ts';
import { hasUws } from '../../bench/src/servers/uws-package.ts';
import { obstacleOf, visit } from './bench-visit.ts';

const plain = ['fan-out', 'fan-out-10', 'fan-out-batch', 'fan-out-8k', 'reply', 'long-polling', 'long-polling-8k'];
const limits: readonly [ServerName, ...(readonly string[])[]][] = [
  ['uws', plain, ['fan-out-tls', 'long-polling-tls']],
  ['c', plain],
];

for (const [server, ...visits] of limits) {
  // It is fetched by whoever measures, not by whoever tests.
  const obstacle = server === 'uws' && !hasUws() ? 'uWebSockets is not here' : await obstacleOf(server);
  describe.skipIf(obstacle !== '')(`${server} of the benchmark`, () => {
    it.each(visits.map((names) => [names]))('delivers to all in %j', (names) => visit(server, names));
  });
}
