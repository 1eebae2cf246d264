/** The way between two workers: requests, WebSockets, and strangers. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { BayeuxServer, type PassedAnswer, type PassedRequest } from '@cometd-ts/server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Door, openDoor } from '../../src/workers/door.ts';
import { Link } from '../../src/workers/link.ts';

const secret = randomBytes(32);

async function opened(): Promise<{ readonly door: Door; readonly link: Link }> {
  const bayeux = new BayeuxServer();
  const door = await openDoor(secret, bayeux.guests);
  const link = new Link(door.port, secret);
  onTestFinished(async () => {
    link.close();
    door.close();
    await bayeux.stop();
  });
  return { door, link };
}

function post(url = '/cometd'): PassedRequest {
  const loopback = { address: '127.0.0.1', port: 1 };
  return {
    method: 'POST',
    url,
    httpVersion: '1.1',
    headers: { 'content-type': 'application/json' },
    secure: false,
    remote: loopback,
    local: loopback,
  };
}

const handshake = Buffer.from(
  '[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}]',
);

function ask(link: Link, body: Buffer): Promise<PassedAnswer | null> {
  return new Promise((resolve) => link.pass(post(), body, resolve));
}

describe('the door of a worker', () => {
  it('serves many requests over one connection', async () => {
    const { link } = await opened();
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(link, handshake)));
    const ids = answers.map((answer) => JSON.parse(answer?.body.toString() ?? '')[0].clientId);
    expect(new Set(ids).size).toBe(100);
    expect(answers[0]).toMatchObject({ status: 200, keepAlive: true });
    expect(answers[0]?.headers).toContain('Set-Cookie');
  });

  it('answers nothing any more when it is closed', async () => {
    const { door, link } = await opened();
    const [, held] = [await ask(link, handshake), ask(link, Buffer.alloc(0))];
    expect((await held)?.status).toBe(400);
    door.close();
    expect(await ask(link, handshake)).toBeNull();
    await expect(link.open(post())).rejects.toThrow('ECONNREFUSED');
  });

  it.each([
    ['who does not know the secret', Buffer.alloc(33)],
    ['who wants what there is not', Buffer.concat([secret, Buffer.from([9])])],
  ])('is closed to %s', async (_title, greeting) => {
    const { door } = await opened();
    const socket = connect(door.port, '127.0.0.1');
    socket.write(greeting);
    socket.resume();
    await once(socket, 'close');
  });
});
