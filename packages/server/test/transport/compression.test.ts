/** permessage-deflate: off unless asked for, in order when on, and never more than maxMessageSize out of a small frame. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { caller, FrameLine, hold, Line, serve, talker } from './visitors.ts';
import { maskedFrame, TEXT, upgradeRequest } from './wire.ts';

const compressing = { 'enableExtension.permessage-deflate': true } as const;
const offer = { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' };

describe('compression', () => {
  it('is off unless the option says so, whatever the client offers', async () => {
    const { client } = await caller(await serve(), { perMessageDeflate: true });
    expect(client.socket.extensions).toBe('');
  });

  it('keeps no state between messages when it is on', async () => {
    const line = await Line.dial((await serve(compressing)).port);
    const answer = await line.send(upgradeRequest('/cometd', offer)).until('\r\n\r\n');
    expect(answer).toMatch(/Sec-WebSocket-Extensions: permessage-deflate;/i);
    expect(answer).toContain('server_no_context_takeover');
    expect(answer).toContain('client_no_context_takeover');
  });

  it('keeps the order of large and small messages, replies, and the close', async () => {
    const server = await serve(compressing);
    const session = await talker(server, { perMessageDeflate: true });
    await hold(server, session);
    const inside = server.bayeux.getSession(session.clientId);
    for (let count = 0; count < 50; count++) {
      inside?.deliver(null, '/count', `${count}`.padEnd(count % 3 === 0 ? 20_000 : 10));
      if (count % 7 === 0) await session.publish('/x', count);
    }
    await server.bayeux.stop();
    expect((await session.client.closed).code).toBe(1012);
    expect(session.inbox.events('/count').map(({ data }) => Number.parseInt(String(data), 10))).toEqual(
      Array.from({ length: 50 }, (_, index) => index),
    );
  });

  it('inflates no further than maxMessageSize', async () => {
    const server = await serve(compressing);
    const peer = await FrameLine.open(server.port, offer);
    const bomb = deflateRawSync(Buffer.alloc(60_000_000, ' '));
    expect(bomb.length).toBeLessThan(65_536);
    peer.line.send(maskedFrame(TEXT, bomb, { rsv: 0x40 }));
    expect(await peer.closed()).toBe(1009);
  });

  it('closes for what cannot be inflated, with 1007', async () => {
    const peer = await FrameLine.open((await serve(compressing)).port, offer);
    peer.line.send(maskedFrame(TEXT, Buffer.from([0xff, 0xff, 0xff]), { rsv: 0x40 }));
    expect(await peer.closed()).toBe(1007);
  });
});
