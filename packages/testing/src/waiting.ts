/** Waiting for what happens, by the events that tell of it. */
import type { BayeuxClient, BayeuxClientEvents } from '@cometd-ts/client';
import type {
  BayeuxServer,
  ChannelEvents,
  ServerChannel,
  ServerEvents,
  ServerSession,
  SessionEvents,
} from '@cometd-ts/server';
import type { Patience } from './inbox.ts';
import { inTime, PATIENCE, patient, realSetImmediate } from './real-time.ts';

/** What has events. */
export type Source = BayeuxClient | BayeuxServer | ServerSession | ServerChannel;

/** The events of a source, by name. */
export type EventsOf<From extends Source> = From extends BayeuxClient
  ? BayeuxClientEvents
  : From extends BayeuxServer
    ? ServerEvents
    : From extends ServerSession
      ? SessionEvents
      : ChannelEvents;

/** What the listeners of an event get. */
export type EventArguments<Event> = Event extends (...args: infer Args) => unknown
  ? Args
  : Event extends unknown[]
    ? Event
    : never;

interface Registration {
  remove(): void;
}

/**
 * Resolves with the arguments of the next event of this name that `matches`; without it, of the next one. Rejects when it
 * does not come in time.
 */
export function happened<From extends Source, Name extends keyof EventsOf<From> & string>(
  source: From,
  event: Name,
  matches: (...args: EventArguments<EventsOf<From>[Name]>) => boolean = () => true,
  { within = PATIENCE }: Patience = {},
): Promise<EventArguments<EventsOf<From>[Name]>> {
  type Args = EventArguments<EventsOf<From>[Name]>;
  let registration: Registration | undefined;
  const occurrence = new Promise<Args>((resolve, reject) => {
    registration = listen(source, event, (...args) => {
      try {
        if (matches(...(args as Args))) resolve(args as Args);
      } catch (error) {
        reject(error);
      }
    });
  });
  const late = (): string => `The event '${event}' did not come within ${within} ms`;
  return patient(inTime(occurrence, within, late).finally(() => registration?.remove()));
}

/**
 * Resolves when `condition` holds: now, or after one of these events, when all its listeners are done. Rejects when that
 * is not so in time.
 */
export function until<From extends Source>(
  condition: () => boolean,
  source: From,
  events: (keyof EventsOf<From> & string) | readonly (keyof EventsOf<From> & string)[],
  { within = PATIENCE }: Patience = {},
): Promise<void> {
  if (condition()) return Promise.resolve();
  const registrations: Registration[] = [];
  const names = [events].flat() as string[];
  const held = new Promise<void>((resolve, reject) => {
    const look = (): void => {
      try {
        if (condition()) resolve();
      } catch (error) {
        reject(error);
      }
    };
    for (const name of names) registrations.push(listen(source, name, () => void realSetImmediate(look)));
  });
  const late = (): string => `After ${within} ms of ${names.join(', ')} still not: ${condition}`;
  const end = (): void => {
    for (const registration of registrations) registration.remove();
  };
  return patient(inTime(held, within, late).finally(end));
}

/** The four kinds of sources add their listeners alike; only their types differ. */
function listen(source: Source, event: string, listener: (...args: unknown[]) => undefined | void): Registration {
  const { addListener } = source as { addListener(event: string, listener: unknown): Registration };
  return addListener.call(source, event, listener);
}
