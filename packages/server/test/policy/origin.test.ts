/** Which pages may talk to the server, by which door ever, and what other pages may read of its answers. */
import type { ServerOptions } from '@cometd-ts/server';
import { RawHttp, RawWebSocket } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import { OriginPolicy } from '../../src/policy/origin.ts';
import { handshakeText, Line, postOf, serve } from '../transport/visitors.ts';

const listed = ['https://app.example.com', 'https://*.example.org', 'http://localhost:8080'];

describe('an origin', () => {
  const policy = new OriginPolicy(listed);
  const judge = (origin: string) => policy.judge({ origin, host: 'server.example' });

  it.each(['https://app.example.com', 'https://a.example.org', 'https://a.b.example.org', 'http://localhost:8080'])(
    '%s is listed',
    (origin) => expect(judge(origin)).toBe('foreign'),
  );

  it.each([
    'https://app.example.com.evil.com',
    'https://evilapp.example.com',
    'https://app.example.com:444',
    'https://app.example.com:443',
    'http://app.example.com',
    'https://APP.example.com',
    'https://app.example.com.',
    'https://app.example.com/',
    'https://user@app.example.com',
    'https://app.example.com@evil.com',
    'https://app.example.com, https://evil.com',
    'https://app.example.com https://evil.com',
    'https://example.org',
    'https://evilexample.org',
    'https://.example.org',
    'https://a.example.org.evil.com',
    'https://аpp.example.com', // a Cyrillic а
    'http://localhost',
    'ws://app.example.com',
    'file://',
    'null',
    '',
    '*',
    '__proto__',
  ])('%j is not', (origin) => expect(judge(origin)).toBeNull());

  it.each([
    ['http://server.example', 'server.example'],
    ['https://server.example', 'server.example'],
    ['https://server.example', 'server.example:443'],
    ['http://server.example:8080', 'server.example:8080'],
    ['http://[::1]:8080', '[::1]:8080'],
  ])('%s is the own one of %s', (origin, host) => expect(policy.judge({ origin, host })).toBe('own'));

  it.each([
    ['http://server.example:8080', 'server.example'],
    ['http://server.example', 'server.example:8080'],
    ['http://sub.server.example', 'server.example'],
    ['http://server.example', 'server.example.evil.com'],
    ['http://evil.com', 'evil.com@server.example'],
    ['null', 'null'],
  ])('%s is not the own one of %s', (origin, host) => expect(policy.judge({ origin, host })).toBeNull());

  it('over HTTP/2 is compared with the authority', () => {
    expect(policy.judge({ origin: 'https://server.example', ':authority': 'server.example' })).toBe('own');
  });

  it('is not sent by clients that are no pages', () => expect(policy.judge({ host: 'server.example' })).toBe('own'));

  it('is anyone’s when all are allowed, but for the listed ones', () => {
    const open = new OriginPolicy(['*', 'https://app.example.com']);
    expect(open.judge({ origin: 'https://evil.example', host: 'x' })).toBe('anyone');
    expect(open.judge({ origin: 'null', host: 'x' })).toBe('anyone');
    expect(open.judge({ origin: 'https://app.example.com', host: 'x' })).toBe('foreign');
  });

  it.each(['example.com', 'https://app.example.com/', 'https://*', '*.example.com', 'https://a.*.com'])(
    'cannot be listed as %s',
    (entry) => expect(() => new OriginPolicy([entry])).toThrow(entry),
  );
});

describe('every door', () => {
  /** What POST, preflight and upgrade say to this origin. */
  async function doors(options: ServerOptions, origin: string) {
    const server = await serve(options);
    const client = new RawHttp(server.url);
    const headers = { origin };
    const post = await client.post(handshakeText, { headers });
    const preflight = await client.request({
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });
    const upgrade = await RawWebSocket.open(server.url, { headers }).then(
      (socket) => socket.close().then(() => 101),
      (error: Error) => Number(/\d{3}/.exec(error.message)?.[0]),
    );
    return { post, preflight, upgrade, sessions: server.bayeux.sessions.length };
  }

  it('is closed to foreign pages, and nothing of what they send is processed', async () => {
    const { post, preflight, upgrade, sessions } = await doors({}, 'https://evil.example');
    expect([post.status, preflight.status, upgrade, sessions]).toEqual([403, 403, 403, 0]);
    for (const { headers } of [post, preflight])
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('is open to a listed origin, which may read answers with the cookies of its visitor', async () => {
    const { post, preflight, upgrade } = await doors({ allowedOrigins: listed }, 'https://app.example.com');
    expect([post.status, preflight.status, upgrade]).toEqual([200, 200, 101]);
    const cors = {
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    };
    expect(post.headers).toMatchObject(cors);
    expect(preflight.headers).toMatchObject({
      ...cors,
      'access-control-allow-methods': 'POST, GET',
      'access-control-allow-headers': 'content-type',
      'content-length': '0',
    });
  });

  it('is open to anyone with a star, but not to the cookies of their visitors', async () => {
    const { post, preflight, upgrade } = await doors({ allowedOrigins: ['*'] }, 'https://anybody.example');
    expect([post.status, preflight.status, upgrade]).toEqual([200, 200, 101]);
    for (const { headers } of [post, preflight]) {
      expect(headers['access-control-allow-origin']).toBe('*');
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
  });

  it('tells a listed origin, too, what was wrong with its request', async () => {
    const server = await serve({ allowedOrigins: listed });
    const headers = { origin: 'https://app.example.com' };
    const { status, headers: answer } = await new RawHttp(server.url).post('nonsense', { headers });
    expect(status).toBe(400);
    expect(answer['access-control-allow-origin']).toBe('https://app.example.com');
  });

  it('is closed to a request with two origins', async () => {
    const server = await serve({ allowedOrigins: listed });
    const line = await Line.dial(server.port);
    line.send(postOf(handshakeText, { origin: 'https://app.example.com', Origin: 'https://app.example.com' }));
    expect(await line.until('\r\n\r\n')).toContain('HTTP/1.1 403');
  });
});
