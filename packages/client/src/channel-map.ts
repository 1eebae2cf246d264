/** Types of channels: an application says once what travels where. */

/** From channels to their data: exact names, wildcards, and templates such as `/chat/{room}`. */
export type ChannelMap = object;

/** Any data on any channel. */
export type AnyChannels = Record<string, unknown>;

/**
 * The data of a channel: of its own entry, else of the nearest ones that match it: templates, then `*`, then `**`.
 * Unknown without any.
 */
export type DataOf<Channels extends ChannelMap, Name extends string> = string extends keyof Channels
  ? Channels[keyof Channels & string]
  : Name extends keyof Channels
    ? Channels[Name]
    : Nearest<Channels, [Templates<Channels>, Wilds<Channels>, DeepWilds<Channels>], Name>;

type DeepWilds<Channels> = Extract<keyof Channels, `${string}/**`>;
type Wilds<Channels> = Extract<keyof Channels, `${string}/*`>;
type Templates<Channels> = Exclude<Extract<keyof Channels, `${string}{${string}}${string}`>, `${string}*`>;

/** The data of the entries that match, from the first of the groups that has any. */
type Nearest<Channels, Groups, Name extends string> = Groups extends [infer Keys, ...infer Others]
  ? [Matching<Keys, Name>] extends [never]
    ? Nearest<Channels, Others, Name>
    : Channels[Matching<Keys, Name> & keyof Channels]
  : unknown;

type Matching<Keys, Name extends string> = Keys extends string ? (Fits<Name, Keys> extends true ? Keys : never) : never;

/** Whether a name fits a pattern, segment by segment. */
type Fits<Name extends string, Pattern extends string> = Pattern extends '**'
  ? true
  : Name extends `${infer Segment}/${infer Rest}`
    ? Pattern extends `${infer Wanted}/${infer More}`
      ? [Segment] extends [Slot<Wanted>]
        ? Fits<Rest, More>
        : false
      : false
    : Name extends Slot<Pattern>
      ? true
      : false;

/** What may stand in a segment: anything for a wildcard or a variable, else the segment itself. */
type Slot<Segment extends string> = Segment extends `${string}/${string}`
  ? never
  : Segment extends '*' | `{${string}}`
    ? string
    : Segment;

type Target<Name extends string> = Name extends `/${string}` ? `/service${Name}` : `/service/${Name}`;

/** A remote call of the map: an entry `'/service/target': (data: In) => Out`. */
export type CallOf<Channels extends ChannelMap, Name extends string> =
  DataOf<Channels, Target<Name>> extends (data: infer In) => infer Out
    ? { data: In; result: Awaited<Out> }
    : { data: unknown; result: unknown };

export type { Schema, SchemaResult } from '@cometd-ts/protocol';
