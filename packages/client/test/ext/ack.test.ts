import type { BayeuxServer } from '@cometd-ts/server';
import { describe, expect, it } from 'vitest';
import { AckExtension } from '../../src/ext/ack.ts';
import type { Message } from '../../src/message.ts';
import { enter, feed, reply, routes, serve } from './clients.ts';

const handshake = (ext?: Record<string, unknown>): Message => ({ channel: '/meta/handshake', ...(ext && { ext }) });
const connect = (ext?: Record<string, unknown>): Message => ({ channel: '/meta/connect', ...(ext && { ext }) });
const answered = (message: Message): Message => ({ ...message, successful: true });

describe('the ack extension', () => {
  it('offers acknowledgements in handshakes, and keeps what else is in ext', () => {
    const { outgoing } = feed(new AckExtension());
    const ext = { token: 't' };
    expect(outgoing(handshake(ext))).toEqual(handshake({ token: 't', ack: true }));
    expect(ext).toEqual({ token: 't' });
  });

  it('declines them when the client has ackEnabled false, and only then', () => {
    expect(feed(new AckExtension(), { ackEnabled: false }).outgoing(handshake())?.ext).toEqual({ ack: false });
    expect(feed(new AckExtension(), { ackEnabled: 0 }).outgoing(handshake())?.ext).toEqual({ ack: true });
  });

  it.each([
    ['true', true, 0],
    ['an object', { enabled: true }, 0],
    ['an object with a batch', { enabled: true, batch: 5 }, 5],
  ])('begins where the server says that answers with %s', (_, ack, batch) => {
    const { incoming, outgoing } = feed(new AckExtension());
    outgoing(handshake());
    incoming(answered(handshake({ ack })));
    expect(outgoing(connect())).toEqual(connect({ ack: batch }));
  });

  it.each([
    ['nothing', undefined],
    ['null', { ack: null }],
    ['false', { ack: false }],
    ['a disabled object', { ack: { enabled: false, batch: 5 } }],
    ['a text', { ack: 'true' }],
  ])('says nothing in connects to a server that answers with %s', (_, ext) => {
    const { incoming, outgoing } = feed(new AckExtension());
    outgoing(handshake());
    incoming(answered(handshake(ext)));
    incoming(answered(connect({ ack: 9 })));
    expect(outgoing(connect())).toEqual(connect());
  });

  it('acknowledges the batch of the last successful connect', () => {
    const { incoming, outgoing } = feed(new AckExtension());
    outgoing(handshake());
    incoming(answered(handshake({ ack: true })));
    incoming(answered(connect({ ack: 1 })));
    incoming(answered(connect({ ack: 2 })));
    incoming({ ...connect({ ack: 3 }), successful: false });
    incoming(answered(connect({ ack: '4' })));
    incoming(answered(connect()));
    expect(outgoing(connect({ mine: 1 }))).toEqual(connect({ mine: 1, ack: 2 }));
  });

  it('forgets everything at the next handshake', () => {
    const { incoming, outgoing } = feed(new AckExtension());
    incoming(answered(handshake({ ack: { enabled: true, batch: 5 } })));
    outgoing(handshake());
    expect(outgoing(connect())).toEqual(connect());
    incoming(answered(handshake({ ack: true })));
    expect(outgoing(connect())).toEqual(connect({ ack: 0 }));
  });

  it('leaves all other messages alone', () => {
    const { incoming, outgoing } = feed(new AckExtension());
    incoming(answered(handshake({ ack: true })));
    for (const channel of ['/meta/subscribe', '/meta/disconnect', '/a']) {
      expect(outgoing({ channel })).toEqual({ channel });
      expect(incoming({ channel, ext: { ack: 8 } })).toEqual({ channel, ext: { ack: 8 } });
    }
    expect(outgoing(connect())).toEqual(connect({ ack: 0 }));
  });
});

/** The server's half, as far as it numbers batches. Resolves with what the first connects of a client say. */
function numbered(bayeux: BayeuxServer, batch: number, count: number): Promise<unknown[]> {
  const said: unknown[] = [];
  return new Promise((resolve) => {
    bayeux.addExtension({
      rcvMeta: (_, message) => {
        if (message.channel !== '/meta/connect') return;
        said.push(message.ext?.ack);
        if (said.length === count) resolve(said);
      },
      sendMeta: (_, __, message) => {
        if (message.channel === '/meta/handshake') {
          message.ext = { ack: message.associated?.ext?.ack === true && { enabled: true, batch } };
        }
        if (message.channel === '/meta/connect') message.ext = { ack: ++batch };
      },
    });
  });
}

describe.each(routes)('with %s over %s', (_, transport, open) => {
  it('every connect acknowledges the one before', async () => {
    const { bayeux, url } = await serve({ options: { timeout: 1 } });
    const said = numbered(bayeux, 40, 4);
    const client = enter(open, url, transport);
    client.registerExtension('ack', new AckExtension());
    await reply((done) => client.handshake(done));
    expect(await said).toEqual([40, 41, 42, 43]);
  });

  it('nothing is acknowledged when the application does not want it', async () => {
    const { bayeux, url } = await serve({ options: { timeout: 1 } });
    const said = numbered(bayeux, 40, 3);
    const client = enter(open, url, transport);
    client.ackEnabled = false;
    client.registerExtension('ack', new AckExtension());
    await reply((done) => client.handshake(done));
    expect(await said).toEqual([undefined, undefined, undefined]);
  });
});
