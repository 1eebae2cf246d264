import { expect, it } from 'vitest';
import { Extension, type ExtensionHost } from '../../src/ext/extension.ts';
import type { Message } from '../../src/message.ts';
import { enter, reply, routes, serve } from './clients.ts';

it('knows its client while it is registered, and lets every message pass', () => {
  const extension = new Extension();
  const host: ExtensionHost = { _debug: () => undefined, setTimeout: () => undefined };
  const message: Message = { channel: '/a' };
  expect(extension.cometd).toBeNull();
  extension.registered('plain', host);
  expect(extension.cometd).toBe(host);
  expect(extension.incoming(message)).toBe(message);
  expect(extension.outgoing(message)).toBe(message);
  extension.unregistered();
  expect(extension.cometd).toBeNull();
});

it.each(routes)('an application derives its own for %s over %s', async (_, transport, open) => {
  class Shout extends Extension {
    override outgoing(message: Message): void {
      if (message.channel === '/shout') message.data = String(message.data).toUpperCase();
    }
    override incoming(message: Message): Message | null {
      return message.data === 'QUIET' ? null : message;
    }
  }
  const { url } = await serve();
  const client = enter(open, url, transport);
  expect(client.registerExtension('shout', new Shout())).toBe(true);
  await reply((done) => client.handshake(done));
  const heard: unknown[] = [];
  const loud = reply((done) => {
    client.subscribe('/shout', (message) => {
      heard.push(message.data);
      if (message.data === 'LOUD') done(message);
    });
  });
  client.publish('/shout', 'quiet');
  client.publish('/shout', 'loud');
  await loud;
  expect(heard).toEqual(['LOUD']);
});
