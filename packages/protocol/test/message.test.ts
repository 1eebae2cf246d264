/** Kinds of messages, and the types that the guards give them. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type BayeuxMessage,
  type HandshakeReply,
  isBroadcast,
  isConnect,
  isDisconnect,
  isHandshake,
  isMeta,
  isPublish,
  isPublishReply,
  isService,
  isSubscribe,
  isUnsubscribe,
  META_CHANNELS,
  META_HANDSHAKE,
  type Message,
} from '../src/index.ts';

describe('channel classes', () => {
  it.each([
    ['/meta/connect', 'meta'],
    ['/meta/x/y', 'meta'],
    ['/meta', 'broadcast'],
    ['/metadata/x', 'broadcast'],
    ['/META/connect', 'broadcast'],
    ['/service/echo', 'service'],
    ['/service', 'broadcast'],
    ['/services/x', 'broadcast'],
    ['/chat', 'broadcast'],
  ])('%s is %s', (channel, kind) => {
    expect([isMeta(channel), isService(channel), isBroadcast(channel)]).toEqual(
      ['meta', 'service', 'broadcast'].map((name) => name === kind),
    );
  });
});

describe('message kinds', () => {
  const guards = [isHandshake, isConnect, isSubscribe, isUnsubscribe, isDisconnect];

  it('are told by the exact channel', () => {
    for (const [index, channel] of META_CHANNELS.entries()) {
      expect(guards.map((guard) => guard({ channel }))).toEqual(guards.map((_, other) => other === index));
      expect(guards.some((guard) => guard({ channel: `${channel}/x` }))).toBe(false);
    }
  });

  it('tell a publish from its reply by the data member, even when that is null', () => {
    expect(isPublish({ channel: '/a', data: null })).toBe(true);
    expect(isPublishReply({ channel: '/a', data: null })).toBe(false);
    expect(isPublishReply({ channel: '/service/a', successful: true })).toBe(true);
    expect(isPublish({ channel: '/a' })).toBe(false);
    expect(isPublish({ channel: '/meta/connect', data: 1 })).toBe(false);
    expect(isPublishReply({ channel: '/meta/connect' })).toBe(false);
  });

  it('narrow the union to what the protocol says is there', () => {
    const handshake = (message: BayeuxMessage): string[] | undefined => {
      if (!isHandshake(message)) return undefined;
      if (message.successful === undefined) {
        expectTypeOf(message.version).toEqualTypeOf<string>();
        return message.supportedConnectionTypes;
      }
      expectTypeOf(message).toExtend<HandshakeReply>();
      if (message.successful) return [message.clientId];
      return [message.error];
    };
    const request: BayeuxMessage = { channel: META_HANDSHAKE, version: '1.0', supportedConnectionTypes: ['websocket'] };
    const refusal: BayeuxMessage = { channel: META_HANDSHAKE, successful: false, error: '403::handshake_denied' };
    expect(handshake(request)).toEqual(['websocket']);
    expect(handshake(refusal)).toEqual(['403::handshake_denied']);
  });

  it('give a publish the type of its data', () => {
    const text = (message: Message<{ text: string }>): string => (isPublish(message) ? message.data.text : '');
    expect(text({ channel: '/chat', data: { text: 'hi' } })).toBe('hi');
  });
});
