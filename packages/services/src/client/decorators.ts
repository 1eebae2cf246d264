/** The decorators of services on the client: the names of the book's annotations, as standard decorators. */
import type { CometD, Message } from '@cometd-ts/client';
import { isDecoration, recordCallback, recordMember } from '../bindings.ts';
import { listOf } from '../marks.ts';
import type { MethodDecorator } from '../shapes.ts';
import type { ParamsOf } from '../template.ts';
import type { Client, TypedClient } from './face.ts';

/** A method of a service on the client. The variables of a template arrive as an object. */
export type MessageMethod<Channel extends string> = (message: Message<never>, params: ParamsOf<Channel>) => unknown;

type Instance = { readonly static: false };
type HoldsClient<Value> = [NonNullable<Value>] extends [TypedClient | CometD]
  ? unknown
  : { readonly 'cannot hold': Client };

/** Stands before a member whose type is one of the clients. */
export interface ClientDecorator {
  <This extends object, Value>(
    field: undefined,
    context: ClassFieldDecoratorContext<This, Value> & Instance & HoldsClient<Value>,
  ): void;
  <This extends object, Value>(
    accessor: ClassAccessorDecoratorTarget<This, Value>,
    context: ClassAccessorDecoratorContext<This, Value> & Instance & HoldsClient<Value>,
  ): void;
  <This extends object, Value>(
    setter: (value: Value) => void,
    context: ClassSetterDecoratorContext<This, Value> & Instance & HoldsClient<Value>,
  ): void;
  <This extends object, Value>(
    method: (value: Value) => unknown,
    context: ClassMethodDecoratorContext<This, (value: Value) => unknown> & Instance & HoldsClient<Value>,
  ): void;
  /** With `experimentalDecorators`, which tells nothing of the member's type. */
  (prototype: object, name: string | symbol, descriptor?: PropertyDescriptor): void;
}

/** Gives a field, an accessor, a setter or a method with one argument the client. */
export const Session: ClientDecorator & (() => ClientDecorator) = ((...made: unknown[]) => {
  const decorate = (...args: unknown[]): void => recordMember('Session', args, { which: 'local' });
  return isDecoration(made) ? decorate(...made) : decorate;
}) as ClientDecorator & (() => ClientDecorator);

/**
 * Calls the method for what arrives on these channels anyway: meta messages, replies, messages on service channels. It
 * takes effect at once, and does not subscribe.
 */
export function Listener<const Channel extends string>(
  channels: Channel | readonly Channel[],
): MethodDecorator<MessageMethod<Channel>> {
  return (...args: unknown[]): void =>
    recordCallback('Listener', args, { channels: listOf(channels), receiveOwnPublishes: true });
}

/** Subscribes to these channels after each handshake, and calls the method for their messages. */
export function Subscription<const Channel extends string>(
  channels: Channel | readonly Channel[],
): MethodDecorator<MessageMethod<Channel>> {
  return (...args: unknown[]): void => recordCallback('Subscription', args, { channels: listOf(channels) });
}
