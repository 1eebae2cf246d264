/** The rooms of one server, as those who handle a message see them. */
import type { JSONContext } from '@cometd-ts/protocol';
import type { Channels } from './channel/channels.ts';
import type { Publisher } from './channel/publish.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { ServerExtensions } from './extensions.ts';
import type { Settings } from './options.ts';
import type { Admission } from './policy/admit.ts';
import type { SessionClock } from './session/clock.ts';
import type { Flusher } from './session/flusher.ts';
import type { Sessions } from './session/sessions.ts';

export interface Rooms {
  readonly settings: Settings;
  readonly json: JSONContext;
  readonly clock: SessionClock;
  readonly diagnostics: Diagnostics;
  readonly extensions: ServerExtensions;
  readonly flusher: Flusher;
  readonly sessions: Sessions;
  readonly channels: Channels;
  readonly admission: Admission;
  readonly publisher: Publisher;
}
