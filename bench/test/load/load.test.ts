import { AcknowledgedMessagesExtension } from '@cometd-ts/server';
import { launch } from '@cometd-ts/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { batchOf } from '../../src/load/acknowledgement.ts';
import { connectBayeuxPolling } from '../../src/load/bayeux-polling.ts';
import { connectBayeux, subscriptionsOf } from '../../src/load/bayeux-websocket.ts';
import { agesOf, chatOf, countMessages, now, publishOf } from '../../src/load/chatter.ts';
import type { PeerOptions } from '../../src/load/peer.ts';
import { findScenario } from '../../src/scenarios.ts';

const fanOut = findScenario('fan-out');

describe('what the load says', () => {
  it('is found and timed again, however it is published', () => {
    for (const given of [{}, { together: 10 }, { size: 8_192 }, { binary: true, size: 512 }, { depth: 3 }]) {
      const chat = chatOf({ ...fanOut, ...given });
      const bytes = Buffer.from(publishOf(now(), 7, '', chat));
      const ages: number[] = [];
      agesOf(bytes, (age) => ages.push(age));
      expect([countMessages(bytes), ages.length]).toEqual([chat.together, chat.together]);
      for (const age of ages) expect(age).toBeLessThan(1e6);
      expect(JSON.parse(bytes.toString())).toHaveLength(chat.together);
    }
    expect(countMessages(Buffer.from('[{"channel":"/meta/connect","successful":true}]'))).toBe(0);
  });

  it('has as much text as the scenario wants', () => {
    expect(chatOf({ ...fanOut, size: 8_192 }).text).toHaveLength(8_192);
  });

  it('asks for many channels in several messages', () => {
    expect(subscriptionsOf(['/a'])).toEqual(['"/a"']);
    expect(subscriptionsOf(Array.from({ length: 101 }, (_, index) => `/${index}`))).toHaveLength(2);
  });

  it('finds the number of a batch beside messages', () => {
    const reply = '{"ext":{"ack":42},"channel":"/meta/connect","successful":true}';
    expect(batchOf(Buffer.from(`[{"channel":"/a","data":{}},${reply}]`))).toBe(42);
    expect(batchOf(Buffer.from('[{"channel":"/a","data":{"ack":1}}]'))).toBeUndefined();
  });
});

describe('the clients of the load', () => {
  let close: () => Promise<void> = async () => undefined;

  afterEach(() => close());

  /** A subscriber and a publisher, and how many messages have come. */
  async function meet(
    connect: typeof connectBayeux,
    scheme: 'http' | 'https' | 'http2s',
    given: Partial<PeerOptions> = {},
  ): Promise<{ publish(): void; readonly heard: () => number }> {
    const launched = await launch({ scheme });
    if (given.ack) launched.bayeux.addExtension(new AcknowledgedMessagesExtension());
    let isOver = false;
    close = () => {
      isOver = true;
      return launched.close();
    };
    let count = 0;
    const common = {
      route: { port: launched.port, tls: scheme !== 'http' },
      onReply: () => undefined,
      onLost: (error: Error) => {
        if (!isOver) throw error;
      },
    };
    await connect({
      ...common,
      ...given,
      subscribes: true,
      onMessages: (_, more) => {
        count += more;
      },
    });
    const publisher = await connect({ ...common, subscribes: false, onMessages: () => undefined });
    return { publish: () => publisher.publish(now(), 1), heard: () => count };
  }

  it.each([
    ['WebSocket', connectBayeux, 'http', {}],
    ['WebSocket over TLS', connectBayeux, 'https', {}],
    ['WebSocket with acknowledgements', connectBayeux, 'http', { ack: true }],
    ['long-polling', connectBayeuxPolling, 'http', {}],
    ['long-polling over HTTP/2', connectBayeuxPolling, 'http2s', { http2: true }],
    ['long-polling with acknowledgements', connectBayeuxPolling, 'http', { ack: true }],
  ] as const)('receive by %s, message after message', async (_, connect, scheme, given) => {
    const { publish, heard } = await meet(connect, scheme, given);
    for (let sent = 1; sent <= 3; sent++) {
      publish();
      await vi.waitFor(() => expect(heard()).toBe(sent), 5_000);
    }
  });
});
