/** The service by which a server under load tells how it is: asked to begin, and to end. */
import type { BayeuxServer, ServerSession } from '@cometd-ts/server';
import { type Vitals, VitalsWatch } from './vitals.ts';

export const VITALS_CHANNEL = '/service/bench/vitals';

/** Answers each session that asks; `ended` gets what was told in the end. */
export function serveVitals(bayeux: BayeuxServer, ended: (vitals: Vitals) => void): void {
  const watches = new Map<string, VitalsWatch>();
  const end = (session: ServerSession): Vitals | undefined => {
    const watch = watches.get(session.id);
    watches.delete(session.id);
    return watch?.end();
  };
  bayeux.createChannelIfAbsent(VITALS_CHANNEL).channel.addListener('message', (sender, _channel, message) => {
    if (!sender) return;
    const { ask } = (message.data ?? {}) as { ask?: unknown };
    if (ask === 'begin' && !watches.has(sender.id)) {
      watches.set(sender.id, new VitalsWatch());
      sender.addListener('removed', () => {
        end(sender);
      });
      sender.deliver(null, VITALS_CHANNEL, {});
    } else if (ask === 'end') {
      const vitals = end(sender);
      if (!vitals) return;
      sender.deliver(null, VITALS_CHANNEL, vitals);
      ended(vitals);
    }
  });
}
