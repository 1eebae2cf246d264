/** What `cometd serve` runs in the rolling restarts: steady news, acknowledged, and word to the test of whom each was queued for. */
import { AcknowledgedMessagesExtension } from '@cometd-ts/server';

/** Between two pieces of news, in ms. */
const PERIOD = 50;

/** @param {import('@cometd-ts/server').BayeuxServer} bayeux */
export default function feed(bayeux) {
  bayeux.addExtension(new AcknowledgedMessagesExtension());
  const news = bayeux.createChannelIfAbsent('/news', (channel) => {
    channel.persistent = true;
  }).channel;
  bayeux.addListener('sessionAdded', (session) => {
    session.addListener('queued', (_sender, message) => {
      if (message.channel === news.id) process.send?.({ session: session.id, data: message.data });
    });
  });
  let number = 0;
  setInterval(() => news.publish(null, `${process.env.HOUSE_NAME} ${number++}`), PERIOD).unref();
}
