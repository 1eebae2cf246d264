/** The two channels with a voice that conformance tests, official clients and Java peers talk to. */
import type { BayeuxServer } from '@cometd-ts/server';

/** `/service/echo` answers like a remote call with the data it got; `/service/kick` disconnects whoever publishes there. */
export function furnish(bayeux: BayeuxServer): void {
  bayeux.createChannelIfAbsent('/service/echo').channel.addListener('message', (from, channel, message) => {
    from?.deliver(null, { id: message.id ?? '', channel: channel.id, successful: true, data: message.data });
  });
  bayeux.createChannelIfAbsent('/service/kick').channel.addListener('message', (from) => from?.disconnect());
}
