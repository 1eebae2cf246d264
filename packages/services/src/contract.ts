/** The types of remote calls: what a method for a target looks like, and contracts that server and client share. */
import type { Caller } from './remote-call.ts';
import type { ParamsOf } from './template.ts';

/** An answer of a method: a promise of the result, or nothing, when `caller` is told. False stops the message, as CometD has it. */
export type CallOutcome<Result> = PromiseLike<Result> | false | undefined | void;

/** A method that can be called: `data` is what the client sent, null when it sent nothing. */
export type CallMethod<Data, Result, Target extends string> = (
  caller: Caller<Result>,
  data: Data,
  params: ParamsOf<Target>,
) => CallOutcome<Result>;

/**
 * The targets of a contract. A contract is an interface with entries `'/service/contacts': (data: In) => Out`, templates
 * such as `'/service/contacts/{id}'` included; the typed client takes the same one.
 */
export type TargetOf<Contract extends object> = keyof Contract extends infer Channel
  ? Channel extends `/service/${infer Target}`
    ? Target | `/${Target}`
    : never
  : never;

/** What a contract says about a target. */
export type MethodOf<Contract extends object, Target extends string> =
  EntryOf<Contract, Target> extends (data: infer Data) => infer Result
    ? { readonly data: Data; readonly result: Awaited<Result> }
    : never;

type EntryOf<Contract extends object, Target extends string> = Contract[ChannelOf<Target> & keyof Contract];

type ChannelOf<Target extends string> = Target extends `/${string}` ? `/service${Target}` : `/service/${Target}`;
