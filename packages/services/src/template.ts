/** Channels with variables: where one listens for them, and what a message's channel says about them. */
import { ChannelId } from '@cometd-ts/protocol';

/** The variables of a template, by name: `{ category: string }` for `/news/{category}`, `{}` for a channel without any. */
export type ParamsOf<Channel extends string> = string extends Channel
  ? Readonly<Record<string, string>>
  : Channel extends unknown
    ? { readonly [Name in VariablesOf<Channel>]: string }
    : never;

type VariablesOf<Channel extends string> = Channel extends `${infer Segment}/${infer Rest}`
  ? VariableOf<Segment> | VariablesOf<Rest>
  : VariableOf<Channel>;

type VariableOf<Segment extends string> = Segment extends `{${infer Name}}` ? Name : never;

/** The values of a template's variables. */
export type Params = Readonly<Record<string, string>>;

const none: Params = Object.freeze({});

/** A channel, a wildcard or a template, as something to listen on. */
export class Pattern {
  readonly id: ChannelId;
  /** The channel to listen on: itself, or for a template the wildcard that covers it. */
  readonly channel: string;

  /** Throws `RangeError` for an illegal name. */
  constructor(name: string) {
    this.id = new ChannelId(name);
    this.channel = this.id.isTemplate ? wildcardOf(this.id) : this.id.id;
  }

  /** The values that a message's channel gives to the variables; undefined when it does not fit the template. */
  bind(channel: ChannelId): Params | undefined {
    if (!this.id.isTemplate) return none;
    const values = this.id.bind(channel);
    return values && Object.fromEntries(values);
  }
}

/** What stands before the first variable, and a wildcard for the rest: `/*` when it is one segment. */
function wildcardOf({ regularPart, depth }: ChannelId): string {
  const head = regularPart ?? '';
  const rest = depth - (head.split('/').length - 1);
  return `${head}/${rest === 1 ? '*' : '**'}`;
}
