/** How the calls of the CometD object are read: callbacks in any place, scopes, and what is wrong with them. */
import { isLegalChannel } from './channel-names.ts';
import type { SubscriptionHandle } from './listeners.ts';
import type { Message } from './message.ts';

/** Called with a message; `this` is the scope that was given with it. */
export type MessageCallback<Data = unknown> = (message: Message<Data>) => void;

/** Fields for a message, merged under those of the protocol. */
export type MessageProps = Record<string, unknown>;

/** The arguments before the first function, and that function: a callback may stand in any place, and ends the list. */
export function cut(values: readonly unknown[]): [unknown[], MessageCallback | undefined] {
  const at = values.findIndex((value) => typeof value === 'function');
  return at < 0 ? [[...values], undefined] : [values.slice(0, at), values[at] as MessageCallback];
}

/** Props and callback at the end of a call. */
export function trailing(...values: unknown[]): [MessageProps | undefined, MessageCallback | undefined] {
  const [[props], callback] = cut(values);
  return [(props as MessageProps | null) ?? undefined, callback];
}

/** Scope and callback: a function, a scope and a function, or a scope and the name of its method. Also how many there were. */
export function resolve(scope: unknown, callback: unknown): [unknown, (message: Message) => unknown, number] {
  if (typeof scope === 'function') return [undefined, scope as () => void, 1];
  if (typeof callback === 'string') {
    if (!scope) throw new Error(`Invalid scope ${scope}`);
    const method = (scope as Record<string, unknown>)[callback];
    if (typeof method !== 'function') throw new Error(`Invalid callback ${callback} for scope ${scope}`);
    return [scope, method as () => void, 2];
  }
  if (typeof callback !== 'function') throw new Error(`Invalid callback ${callback}`);
  return [scope, callback as () => void, 2];
}

/** Bytes as the data of a message, and the props that mark them for the binary extension. */
export function chunk(data: unknown, last: unknown, meta: unknown, props: unknown): [object, MessageProps] {
  const given = (props ?? {}) as MessageProps;
  const bytes = { meta: meta ?? undefined, data: data ?? new ArrayBuffer(0), last: last ?? true };
  return [bytes, { ...given, ext: { ...(given.ext as object | undefined), binary: {} } }];
}

export function needs(count: number, given: number): void {
  if (given < count) throw new Error(`Illegal arguments number: required ${count}, got ${given}`);
}

export function checkHandle(handle: unknown): void {
  const { channel, id } = (handle ?? {}) as Partial<SubscriptionHandle>;
  if (!channel || id === undefined) throw new Error(`Invalid argument: expected subscription, not ${handle}`);
}

export function checkChannel(channel: unknown): void {
  if (!isLegalChannel(channel)) throw new Error(`Illegal argument: invalid channel ${channel}`);
}

export function checkEvent(event: string): void {
  if (event !== 'timeout') throw new Error(`Unsupported event ${event}`);
}
