/** Our two clients are at home at a CometD 8 server on Jetty 12. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { BayeuxClient, CometD } from '@cometd-ts/client/node';
import { afterEach, describe, expect, it } from 'vitest';
import {
  cometdVisit,
  goodCometdVisit,
  goodTypedVisit,
  hasty,
  type OurVisit,
  typedVisit,
} from '../../test/integration/our-visits.ts';
import { launchJava } from './launch-java.ts';

type Java = ReturnType<typeof launchJava>;

describe.each(['websocket', 'long-polling'] as const)('at a Java server, over %s', (transport) => {
  let server: Java | undefined;

  /** Its port, once it is ready. */
  async function open(port: number): Promise<number> {
    server = launchJava('OracleServer', String(port), 'timeout=5000', 'maxInterval=5000', 'sweepPeriod=200');
    const [line] = await once(createInterface({ input: server.stdout }), 'line');
    return Number(String(line).split(' ')[1]);
  }

  /** Killed: a server that is asked to stop would say goodbye. */
  async function kill(): Promise<void> {
    if (!server) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
    server = undefined;
  }

  afterEach(kill);

  async function visit(): Promise<OurVisit> {
    const port = await open(0);
    const restart = async (): Promise<void> => {
      await kill();
      await open(port);
    };
    return { url: `http://127.0.0.1:${port}/cometd`, transport, calls: true, restart };
  }

  it('the typed client spends a good day', async () => {
    const plan = await visit();
    const client = new BayeuxClient(plan.url, { transports: [transport], ...hasty });
    expect(await typedVisit(client, plan)).toEqual(goodTypedVisit(plan));
  });

  it('CometD spends a good day', async () => {
    const plan = await visit();
    expect(await cometdVisit(new CometD(), plan)).toEqual(goodCometdVisit(plan));
  });

  it('a stop of the server, which says goodbye, is told and ends the typed client or sends it to knock again', async () => {
    const plan = await visit();
    const client = new BayeuxClient(plan.url, { transports: [transport], ...hasty });
    const told: string[] = [];
    const changed = new Promise<string>((resolve) => {
      client.addListener('status', ({ type }) => {
        told.push(type);
        if (type === 'terminated' || type === 'unconnected') resolve(type);
      });
    });
    await client.handshake();
    await client.waitFor('connected', { timeout: 10_000 });
    server?.stdin.end();
    expect(['terminated', 'unconnected']).toContain(await changed);
    expect(client.status.type).not.toBe('connected');
    client.abort();
  });
});
