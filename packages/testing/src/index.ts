/** What applications that use Bayeux servers and clients need for their tests. */

export { FakeClock, type FakeClockOptions, type ForeignTimers } from './clock.ts';
export { type ChannelsOf, type Inbox, type Patience, received, type TypedClient } from './inbox.ts';
export { type Direction, type LineOptions, MemoryLine } from './line.ts';
export { type Pair, type PairOptions, pair } from './pair.ts';
export type { Pattern } from './play.ts';
export { type Reaction, ScriptedServer, type ScriptOptions } from './scripted-server.ts';
export { type EventArguments, type EventsOf, happened, type Source, until } from './waiting.ts';
