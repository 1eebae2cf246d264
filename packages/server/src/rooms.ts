/** The rooms of one server, as those who handle a message see them, and how they are connected. */
import type { DecodeOptions, JSONContext, Limits } from '@cometd-ts/protocol';
import type { Bayeux, ServerEvents } from './api.ts';
import { Channels } from './channel/channels.ts';
import { Publisher } from './channel/publish.ts';
import type { Diagnostics } from './diagnostics.ts';
import { ServerExtensions } from './extensions.ts';
import type { Listeners } from './listeners.ts';
import { Drain } from './meta/drain.ts';
import type { Settings } from './options.ts';
import { Admission } from './policy/admit.ts';
import { Overload, type Relief } from './policy/overload.ts';
import { DefaultSecurityPolicy } from './policy/policy.ts';
import { Rates } from './policy/rates.ts';
import { SessionClock } from './session/clock.ts';
import { FanOut } from './session/fan-out.ts';
import { Flusher } from './session/flusher.ts';
import { Holds } from './session/holds.ts';
import { Neighbours } from './session/neighbours.ts';
import { Sessions } from './session/sessions.ts';

/** Nodes push whole maps and lists of users to each other; what bounds them is the size of a payload, and its depth. */
const boundless: Partial<Limits> = {
  maxMessages: Number.MAX_SAFE_INTEGER,
  maxKeys: Number.MAX_SAFE_INTEGER,
  maxNodes: Number.MAX_SAFE_INTEGER,
};

export interface Rooms {
  readonly settings: Settings;
  readonly json: JSONContext;
  /** How payloads are read. */
  readonly decoding: { readonly ofClients: DecodeOptions; readonly ofNodes: DecodeOptions };
  readonly clock: SessionClock;
  readonly diagnostics: Diagnostics;
  readonly extensions: ServerExtensions;
  readonly flusher: Flusher;
  readonly holds: Holds;
  readonly sessions: Sessions;
  readonly neighbours: Neighbours;
  readonly channels: Channels;
  readonly admission: Admission;
  readonly rates: Rates;
  readonly overload: Overload;
  readonly drain: Drain;
  readonly publisher: Publisher;
}

/** Makes the rooms of a server. Where a lower one must call up, it is handed the function here. */
export function furnish(
  settings: Settings,
  diagnostics: Diagnostics,
  listeners: Listeners<ServerEvents>,
  server: Bayeux,
): Rooms {
  const json = settings.jsonContext;
  const clock = new SessionClock();
  const extensions = new ServerExtensions(diagnostics);
  const neighbours = new Neighbours();
  const flusher = new Flusher();
  const fanOut = new FanOut(flusher);
  const sessions: Sessions = new Sessions(
    {
      json,
      clock,
      diagnostics,
      extensions,
      fanOut,
      remove: (session, message, timeout, reason) => sessions.remove(session, message, timeout, reason),
    },
    listeners,
    settings.broadcastToPublisher,
    neighbours,
  );
  const channels: Channels = new Channels(
    {
      publish: (from, channel, message) => publisher.publish(from, channel, message),
      settle: (channel) => fanOut.settle(channel),
      subscribed: (session, channel, message) => {
        session.subscribed(channel);
        diagnostics.notify('subscribed listener', channel.listeners('subscribed'), session, channel, message);
        diagnostics.notify('subscribed listener', listeners.of('subscribed'), session, channel, message);
      },
      unsubscribed: (session, channel, message) => {
        session.unsubscribed(channel);
        diagnostics.notify('unsubscribed listener', channel.listeners('unsubscribed'), session, channel, message);
        diagnostics.notify('unsubscribed listener', listeners.of('unsubscribed'), session, channel, message);
      },
    },
    listeners,
    diagnostics,
    { anyCharacter: !settings.validateMessageFields },
  );
  const publisher = new Publisher({
    json,
    channels,
    diagnostics,
    extensions,
    fanOut,
    forwardFields: settings.forwardFields,
  });
  const rates = new Rates(settings, clock, diagnostics);
  const relief: Relief = {
    changed: (level, previous) => {
      diagnostics.isTerse = level >= 1;
      rates.isTight = level >= 2;
      diagnostics.notify('overload listener', listeners.of('overload'), level, previous);
    },
    critical: () => sessions.shed(),
  };
  const admission = new Admission(new DefaultSecurityPolicy(), server, channels, diagnostics);
  const { limits } = settings;
  return {
    settings,
    json,
    decoding: { ofClients: { json, limits }, ofNodes: { json, limits: { ...limits, ...boundless } } },
    clock,
    diagnostics,
    extensions,
    flusher,
    holds: new Holds(diagnostics),
    sessions,
    neighbours,
    channels,
    admission,
    rates,
    overload: new Overload(settings, clock, diagnostics, () => sessions.size, relief),
    drain: new Drain(settings, () => sessions),
    publisher,
  };
}
