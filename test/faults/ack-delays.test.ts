/** Acknowledged messages when connects and their replies are lost, late or overtaken: everything once, in its order. */
import { AcknowledgedMessagesExtension } from '@cometd-ts/server';
import { type Launched, launch, openSession, type RawSession, ToxicProxy, type WireMessage } from '@cometd-ts/testkit';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { ackClients } from './ack-clients.ts';
import { Ear, outcome, vias } from './watched.ts';

/** A connect is answered after this many ms, and given up by its client after as many again. */
const timeout = 400;

describe('acknowledged messages', () => {
  let server: Launched;
  let visits = 0;

  beforeAll(async () => {
    server = await launch({
      options: { timeout, maxInterval: 60_000, maxSessionsPerBrowser: -1, maxSessionsPerCookie: -1 },
      prepare: (bayeux) => bayeux.addExtension(new AcknowledgedMessagesExtension()),
    });
  });
  afterAll(() => server.close());

  async function road(finished: TestContext['onTestFinished']): Promise<ToxicProxy> {
    const proxy = await ToxicProxy.start(server.port);
    finished(() => proxy.close());
    return proxy;
  }

  /** The server's side of the next connect of a session, when it comes. */
  function nextConnect(id: string | null | undefined): Promise<void> {
    return new Promise((resolve) => {
      const registration = server.bayeux.addExtension({
        rcvMeta: (from, message) => {
          if (from?.id !== id || message.channel !== '/meta/connect') return;
          registration.remove();
          resolve();
        },
      });
    });
  }

  describe.each(vias)('over %s', (via) => {
    // Each waits most of the time, on a road of its own.
    describe.concurrent.each(ackClients)('with %s', (name, open) => {
      async function enter({ expect, onTestFinished: finished }: TestContext): Promise<{
        readonly proxy: ToxicProxy;
        say(data: unknown): void;
        ear: Ear<unknown>;
        id: string;
        /** Resolves while the server holds a connect of this client. */
        held(): Promise<void>;
        leave(): Promise<unknown>;
      }> {
        const channel = `/delays/${++visits}`;
        const proxy = await road(finished);
        const client = open(proxy.through(server.url), via, { maxNetworkDelay: timeout });
        const ear = new Ear<unknown>();
        await client.enter(channel, (data) => ear.listen({ channel, data }));
        const { id } = client;
        let isHeld = false;
        const side = server.bayeux.getSession(String(id));
        side?.addListener('suspended', () => {
          isHeld = true;
        });
        side?.addListener('resumed', () => {
          isHeld = false;
        });
        return {
          proxy,
          ear,
          id: String(id),
          held: () => expect.poll(() => isHeld, { interval: 5 }).toBe(true),
          say: (data) => void server.bayeux.getChannel(channel)?.publish(null, data),
          leave: () => client.leave(),
        };
      }

      it('come when the replies that carried them were swallowed, again and again', async (test) => {
        const { expect } = test;
        const { proxy, say, ear, id, held, leave } = await enter(test);
        say('one');
        await ear.hears('one');
        for (const [first, second] of [
          ['two', 'three'],
          ['four', 'five'],
        ] as const) {
          await held();
          proxy.blackHole();
          const before = proxy.seen.up;
          say(first);
          // The client gives up, and nobody hears what it says next.
          await expect.poll(() => proxy.seen.up, { timeout: 5000 }).toBeGreaterThan(before);
          say(second);
          const back = nextConnect(id);
          proxy.heal();
          proxy.reset();
          await back;
          expect(await outcome(second, ear.hears(second))).toBe('ok');
        }
        expect(server.bayeux.getSession(id)).toBeDefined();
        await leave();
        expect(ear.heard).toEqual(['one', 'two', 'three', 'four', 'five']);
      });

      it('come once when the reply that carried them is late, and overtaken by the next', async (test) => {
        const { expect } = test;
        const { proxy, say, ear, id, held, leave } = await enter(test);
        say('one');
        await ear.hears('one');
        await held();
        const caught = proxy.hold('down', 'two');
        say('two');
        await caught;
        // The client has waited long enough, and asks again.
        await nextConnect(id);
        say('three');
        expect(await outcome('three', ear.hears('three'))).toBe('ok');
        proxy.release();
        say('four');
        expect(await outcome('four', ear.hears('four'))).toBe('ok');
        expect(server.bayeux.getSession(id)).toBeDefined();
        await leave();
        // The official client goes on listening to a WebSocket that it has closed: what comes late there it hears again.
        const listensToOld = via === 'websocket' && name.startsWith('the official');
        const heard = listensToOld ? [...new Set(ear.heard)] : ear.heard;
        expect(heard).toEqual(['one', 'two', 'three', 'four']);
      });
    });

    /** A second connection of a session. */
    async function again(session: RawSession): Promise<RawSession> {
      const other = await openSession(via, server.url);
      onTestFinished(() => other.close());
      other.clientId = session.clientId;
      if ('jar' in session.client && 'jar' in other.client)
        for (const [name, value] of session.client.jar) other.client.jar.set(name, value);
      return other;
    }

    it('are not lost to a connect that the network has delayed until a newer one was held', async () => {
      const proxy = await road(onTestFinished);
      const session = await openSession(via, proxy.through(server.url));
      onTestFinished(() => session.close());
      await session.handshake({ ext: { ack: true } });
      await session.connect(0, { ext: { ack: 0 } });
      const side = server.bayeux.getSession(session.clientId);
      if (!side) throw new Error('no session');
      side.deliver(null, '/a', 'one');
      await session.connect(0, { ext: { ack: 1 } });

      // This one stays on the road, and its client has given it up.
      const caught = proxy.hold('up', '');
      const delayed = session.connect(undefined, { ext: { ack: 2 } });
      delayed.catch(() => undefined);
      await caught;
      const newer = await again(session);
      const answers: unknown[] = [];
      const held = nextConnect(session.clientId);
      newer.connect(undefined, { id: 'newer', ext: { ack: 2 } }).then(
        (reply: WireMessage) => answers.push(reply),
        () => undefined,
      );
      await held;
      const arrived = nextConnect(session.clientId);
      proxy.release();
      await arrived;
      side.deliver(null, '/a', 'two');
      await session.event('/a');
      await delayed;
      // Nobody listens to what the late one has brought; the client asks with the number it has.
      const last = await again(session);
      await last.connect(undefined, { id: 'last', ext: { ack: 2 } });
      expect(last.inbox.all.map((message) => message.data ?? message.channel)).toEqual(['two', '/meta/connect']);
      expect(answers).toEqual([]);
    });
  });
});
