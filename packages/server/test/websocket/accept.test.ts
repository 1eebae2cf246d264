/** How a WebSocket begins: which requests are in order, and what is agreed on. */
import { describe, expect, it } from 'vitest';
import { isOffered } from '../../src/websocket/deflate.ts';
import { Line, serve } from '../transport/visitors.ts';
import { upgradeRequest } from '../transport/wire.ts';

/** What a request with these headers is answered. */
async function answerTo(headers: Record<string, string | undefined>, method = 'GET'): Promise<string> {
  const line = await Line.dial((await serve()).port);
  return line.send(upgradeRequest('/cometd', headers).replace('GET', method)).until('\r\n\r\n');
}

describe('a request', () => {
  it('is answered with the digest of its key', async () => {
    // The example of RFC 6455, 1.3.
    const answer = await answerTo({ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' });
    expect(answer).toContain('HTTP/1.1 101');
    expect(answer).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect(answer).not.toContain('Sec-WebSocket-Extensions');
    expect(answer).not.toContain('Sec-WebSocket-Protocol');
  });

  it.each([
    ['a key that is none', { 'sec-websocket-key': 'short' }, 400],
    ['no key', { 'sec-websocket-key': undefined }, 400],
    ['another upgrade', { upgrade: 'h2c' }, 400],
    ['an old version', { 'sec-websocket-version': '8' }, 426],
  ])('with %s is refused', async (_what, headers, status) => {
    expect(await answerTo(headers)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it('of another version is told ours', async () => {
    expect(await answerTo({ 'sec-websocket-version': '14' })).toContain('Sec-WebSocket-Version: 13');
  });

  it('by another method than GET is refused', async () => {
    expect(await answerTo({}, 'PUT')).toMatch(/^HTTP\/1.1 405 /);
  });
});

describe('an offer to compress', () => {
  it.each([
    ['permessage-deflate', true],
    ['permessage-deflate; client_max_window_bits', true],
    ['x-webkit-deflate-frame, Permessage-Deflate ; server_no_context_takeover;client_no_context_takeover', true],
    // The first that suits us.
    ['permessage-deflate; server_max_window_bits=10, permessage-deflate', true],
    ['permessage-deflate; server_max_window_bits=10', false],
    ['permessage-deflate; something_else', false],
    ['x-webkit-deflate-frame', false],
    ['', false],
    [undefined, false],
  ])('%s: %s', (header, taken) => {
    expect(isOffered(header)).toBe(taken);
  });
});
