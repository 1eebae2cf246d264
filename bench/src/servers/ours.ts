/** CometD for TypeScript with its defaults, but for the rates: nobody else's are bounded. */
import { AcknowledgedMessagesExtension, BayeuxServer, BinaryExtension } from '@cometd-ts/server';
import { CHANNEL, LAZY_TIMEOUT, type Scenario } from '../scenarios.ts';
import { createListener, listen } from './listener.ts';
import type { Start } from './start.ts';

/** All clients of the load come from one machine, as fast as they can, and some ask for very many channels. */
export const unbounded = {
  maxPublishRate: -1,
  maxHandshakeRate: -1,
  maxSubscribeRate: -1,
  maxChannelRate: -1,
  maxRemoteChannels: -1,
} as const;

/** Not yet listening; what the scenario needs is installed, and nothing else. */
export function createServer({ ack, binary, lazy }: Scenario): BayeuxServer {
  const server = new BayeuxServer(unbounded);
  if (ack) server.addExtension(new AcknowledgedMessagesExtension());
  if (binary) server.addExtension(new BinaryExtension());
  if (lazy) {
    server.createChannelIfAbsent(CHANNEL, (channel) => {
      channel.persistent = true;
      channel.lazyTimeout = LAZY_TIMEOUT;
    });
  }
  return server;
}

export const start: Start = async (scenario) => {
  const listener = await createListener(scenario);
  createServer(scenario).attach(listener, { path: '/cometd' });
  return { port: await listen(listener) };
};
