import {
  type BayeuxMessage,
  type HandshakeReply,
  isHandshake,
  isPublish,
  type Maybe,
  type Message,
  type PublishReply,
} from '@cometd-ts/protocol';
import { describe, expectTypeOf, test } from 'vitest';

describe('Maybe', () => {
  test('is a value or a promise of it', () => {
    expectTypeOf<number>().toExtend<Maybe<number>>();
    expectTypeOf<Promise<number>>().toExtend<Maybe<number>>();
    expectTypeOf<string>().not.toExtend<Maybe<number>>();
  });
});

describe('a Bayeux message', () => {
  test('is an open envelope in each of its kinds', () => {
    expectTypeOf<BayeuxMessage>().toExtend<Message>();
    expectTypeOf<Message['anythingElse']>().toBeUnknown();
  });

  test('keeps the type of its data through the guard', () => {
    const message = {} as Message<{ text: string }>;
    if (isPublish(message)) expectTypeOf(message.data).toEqualTypeOf<{ text: string }>();
  });

  test('has no type for data that nobody declared', () => {
    expectTypeOf<Message['data']>().toBeUnknown();
  });

  test('tells an accepted handshake from a refused one by its successful field', () => {
    const reply = {} as HandshakeReply;
    if (reply.successful) expectTypeOf(reply.clientId).toBeString();
    else expectTypeOf(reply.error).toBeString();
  });

  test('is a request or a reply on the channel that a guard finds', () => {
    const message = {} as Message;
    if (isHandshake(message)) expectTypeOf(message.channel).toEqualTypeOf<'/meta/handshake'>();
  });

  test('carries no data when it answers a publish', () => {
    expectTypeOf<{ channel: '/a'; successful: true; data: number }>().not.toExtend<PublishReply>();
  });
});
