/** The Java BayeuxClient of CometD 8 is at home here, unmodified. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { furnish, type Launched, launch } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { launchJava } from './launch-java.ts';

/** What `ClientCheck` reports, in its order, when all is well. */
const goodDay = [
  'ok handshake',
  'ok transport',
  'ok connect',
  'ok subscribe',
  'ok publish',
  'ok event',
  'ok wildcard',
  'ok deep wildcard',
  'ok publish to wildcards',
  'ok wildcard events',
  'ok subscribe to the hall',
  'ok batch',
  'ok remote call',
  'ok denied',
  'restart',
  'ok handshake after the restart',
  'ok connect again',
  'ok subscribe again',
  'ok publish again',
  'ok event again',
  'ok disconnect',
  'ok disconnected',
];

describe('the Java client', () => {
  let server: Launched | undefined;
  afterEach(() => server?.close());

  const open = (port: number) => launch({ port, prepare: furnish, options: { sweepPeriod: 100 } });

  /** A whole visit. @param interrupt ends its session: then the client has to begin anew by itself */
  async function visit(transport: string, interrupt: (port: number) => Promise<void>): Promise<void> {
    server = await open(0);
    const { port, url } = server;
    const visitor = launchJava('ClientCheck', url, transport);
    const gone = once(visitor, 'exit');
    const report: string[] = [];
    for await (const line of createInterface({ input: visitor.stdout })) {
      report.push(line);
      if (line !== 'restart') continue;
      await interrupt(port);
      visitor.stdin.write('\n');
    }
    expect(report).toEqual(goodDay);
    expect(await gone).toEqual([0, null]);
    expect(server.bayeux.sessions).toEqual([]);
  }

  it.each(['websocket', 'long-polling'])('spends a good day here over %s', (transport) =>
    visit(transport, async (port) => {
      await server?.close();
      server = await open(port);
    }),
  );

  it.each(['websocket', 'long-polling'])('shakes hands again over %s when its queue runs over', (transport) =>
    visit(transport, async () => {
      const [session] = server?.bayeux.sessions ?? [];
      if (!session) throw new Error('The client has no session');
      session.queueBounds = { maxQueue: 3, maxQueueBytes: -1 };
      session.batch(() => {
        for (let number = 1; number <= 4; number++) void session.deliver(null, '/room/a', 'too much');
      });
      expect(session.isTerminated).toBe(true);
    }),
  );
});
