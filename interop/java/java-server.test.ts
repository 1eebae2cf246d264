/** Our conformance suite agrees with a CometD 8 server, so what it asks of ours is what the protocol asks. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll } from 'vitest';
import { conformance } from '../../test/conformance/conformance.ts';
import { launchJava } from './launch-java.ts';

const settings = { timeout: 1500, maxInterval: 1000, sweepPeriod: 200 };
let server: ReturnType<typeof launchJava>;
let url = '';

beforeAll(async () => {
  const options = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  server = launchJava('OracleServer', '0', ...options);
  const [line] = await once(createInterface({ input: server.stdout }), 'line');
  url = `http://127.0.0.1:${String(line).split(' ')[1]}/cometd`;
});

afterAll(async () => {
  const gone = once(server, 'exit');
  server.stdin.end();
  await gone;
});

conformance({ name: 'CometD 8', kind: 'java', url: () => url, furnished: true, ...settings });
