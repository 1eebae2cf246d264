/** Section 1.3 of the behaviour: options, their defaults, and how a later configuration meets an earlier one. */
import { expect } from 'vitest';
import { behaviour } from './support/visit.ts';

behaviour('configuration', (behaves) => {
  behaves('the defaults are those of the book', (visit) => {
    expect(visit.configure().getConfiguration()).toMatchObject({
      url: 'http://localhost:8080/cometd',
      urls: {},
      logLevel: 'info',
      useWorkerScheduler: true,
      protocol: null,
      stickyReconnect: true,
      connectTimeout: 0,
      maxConnections: 2,
      backoffIncrement: 1000,
      maxBackoff: 60_000,
      maxNetworkDelay: 10_000,
      requestHeaders: {},
      appendMessageTypeToURL: true,
      autoBatch: false,
      maxURILength: 2000,
      maxSendBayeuxMessageSize: 8192,
      advice: { timeout: 60_000, interval: 0, maxInterval: 0 },
    });
  });

  behaves('a later configuration is put over the earlier one, one level deep', (visit) => {
    visit.configure({ requestHeaders: { a: '1' }, maxNetworkDelay: 5000 });
    visit.cometd.configure({ requestHeaders: { b: '2' }, maxNetworkDelay: undefined });
    const config = visit.cometd.getConfiguration();
    expect(config.requestHeaders).toEqual({ b: '2' });
    expect(config.maxNetworkDelay).toBe(5000);
    expect(config.url).toBe('http://localhost:8080/cometd');
  });

  behaves('options nobody knows are kept', (visit) => {
    expect(visit.configure({ mine: { x: 1 } }).getConfiguration().mine).toEqual({ x: 1 });
  });

  behaves(
    'request headers go out with every request, and the type of the content is JSON in any case',
    async (visit) => {
      await visit.connected({ requestHeaders: { 'X-Token': 't1', 'Content-Type': 'text/plain' } });
      for (const exchange of visit.net.requests) {
        const { headers } = exchange as unknown as { headers: Record<string, string> };
        expect(headers['x-token']).toBe('t1');
        expect(headers['content-type']).toMatch(/^application\/json(; ?charset=UTF-8)?$/i);
      }
    },
  );

  behaves("the application's own header object may be changed later", async (visit) => {
    const headers: Record<string, string> = { 'X-Token': 't1' };
    await visit.connected({ requestHeaders: headers });
    headers['X-Token'] = 't2';
    visit.cometd.publish('/a', 1);
    expect((await visit.net.take('/a')).headers['x-token']).toBe('t2');
  });

  behaves('headers can be configured while connected', async (visit) => {
    await visit.connected();
    visit.cometd.configure({ requestHeaders: { 'X-Token': 't2' } });
    visit.cometd.publish('/a', 1);
    expect((await visit.net.take('/a')).headers['x-token']).toBe('t2');
  });

  behaves('requests are asynchronous POSTs with credentials', async (visit) => {
    await visit.connected();
    for (const exchange of visit.net.requests) {
      const { xhr, method } = exchange as unknown as Awaited<ReturnType<typeof visit.net.take>>;
      expect([method, xhr.asynchronous, xhr.withCredentials]).toEqual(['POST', true, true]);
    }
  });

  behaves('the context of the transport is that of its requests', async (visit) => {
    const context = { cookieStore: {} };
    const transport = visit.configure().findTransport('long-polling');
    Object.assign(transport as object, { context });
    visit.cometd.handshake();
    expect((await visit.net.take('/meta/handshake')).xhr.context).toBe(context);
  });

  behaves('the configured advice is sent with the handshake', async (visit) => {
    const request = await visit.shake({ advice: { timeout: 30_000, interval: 7 } });
    expect(request.message.advice).toEqual({ timeout: 30_000, interval: 7 });
  });

  behaves(
    'the client starts one worker for its timers, however often it is configured',
    async (visit) => {
      let workers = 0;
      visit.window.Blob = class {};
      visit.window.URL = { createObjectURL: () => 'blob:x', revokeObjectURL: () => undefined };
      visit.window.Worker = class {
        constructor() {
          workers++;
        }
        postMessage(): void {
          visit.net.log.push(['worker']);
        }
        terminate(): void {
          visit.net.log.push(['worker']);
        }
      };
      visit.configure();
      visit.configure({ requestHeaders: { a: '1' } });
      visit.cometd.setTimeout(() => undefined, 5);
      expect(workers).toBe(1);
    },
    { only: 'ours' },
  );

  behaves(
    'timers run where no worker may be started',
    async (visit) => {
      visit.window.Blob = class {};
      visit.window.URL = { createObjectURL: () => 'blob:x', revokeObjectURL: () => undefined };
      visit.window.Worker = class {
        constructor() {
          throw new Error('refused by the content security policy');
        }
      };
      await visit.connected();
      expect(visit.cometd.getStatus()).toBe('connected');
    },
    { only: 'ours' },
  );

  behaves('no worker is started when the configuration says so', (visit) => {
    let workers = 0;
    visit.window.Blob = class {};
    visit.window.URL = { createObjectURL: () => 'blob:x', revokeObjectURL: () => undefined };
    visit.window.Worker = class {
      constructor() {
        workers++;
      }
    };
    visit.configure({ useWorkerScheduler: false });
    visit.cometd.setTimeout(() => undefined, 5);
    expect(workers).toBe(0);
  });

  behaves(
    'delays given to the platform are integers',
    async (visit) => {
      const connect = await visit.connected({ backoffIncrement: 333.3, maxNetworkDelay: 10_000.5 });
      await connect.fail();
      await visit.clock.advance(400);
      expect(visit.clock.delays.filter((delay) => !Number.isInteger(delay))).toEqual([]);
    },
    { only: 'ours' },
  );
});
