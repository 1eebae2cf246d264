/** The two channels with a voice that the conformance suite, the official clients and the Java peers talk to. */
import type { BayeuxServer } from '@cometd-ts/server';

export function furnish(bayeux: BayeuxServer): void {
  bayeux.createChannelIfAbsent('/service/echo').channel.addListener('message', (from, channel, message) => {
    from?.deliver(null, { id: message.id ?? '', channel: channel.id, successful: true, data: message.data });
  });
  bayeux.createChannelIfAbsent('/service/kick').channel.addListener('message', (from) => from?.disconnect());
}
