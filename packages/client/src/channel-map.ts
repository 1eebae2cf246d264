/** Types of channels: an application says once what travels where. */

/** From channels to their data: exact names, wildcards, and templates such as `/chat/{room}`. */
export type ChannelMap = object;

/** Any data on any channel. */
export type AnyChannels = Record<string, unknown>;

/** The names that a channel of the map stands for. */
type Names<Key extends string> = Key extends `${infer Start}/**`
  ? `${Start}/${string}`
  : Key extends `${infer Start}/*`
    ? `${Start}/${string}`
    : Key extends `${infer Start}{${string}}${infer End}`
      ? `${Start}${string}${Names<End>}`
      : Key;

type Matching<Channels, Name extends string> = {
  [Key in keyof Channels & string]: Name extends Names<Key> ? Channels[Key] : never;
}[keyof Channels & string];

/** The data of a channel: of its own entry, else of the wildcards and templates that match; unknown without any. */
export type DataOf<Channels extends ChannelMap, Name extends string> = string extends keyof Channels
  ? Channels[keyof Channels & string]
  : Name extends keyof Channels
    ? Channels[Name]
    : [Matching<Channels, Name>] extends [never]
      ? unknown
      : Matching<Channels, Name>;

type Target<Name extends string> = Name extends `/${string}` ? `/service${Name}` : `/service/${Name}`;

/** A remote call of the map: an entry `'/service/target': (data: In) => Out`. */
export type CallOf<Channels extends ChannelMap, Name extends string> =
  DataOf<Channels, Target<Name>> extends (data: infer In) => infer Out
    ? { data: In; result: Awaited<Out> }
    : { data: unknown; result: unknown };

/** The part of Standard Schema that checks data. */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };
