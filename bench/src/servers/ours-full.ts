/** CometD for TypeScript with everything one may install, none of which has anything to do: what that costs. */
import {
  AcknowledgedMessagesExtension,
  ActivityExtension,
  BinaryExtension,
  GrantAuthorizer,
  type SecurityPolicy,
  TimestampExtension,
  TimesyncExtension,
} from '@cometd-ts/server';
import { createListener, listen } from './listener.ts';
import { createServer } from './ours.ts';
import type { Start } from './start.ts';

/** Nobody in any scenario is silent for so long, in ms. */
const AN_HOUR = 3_600_000;

const policy: SecurityPolicy = {
  canHandshake: () => true,
  canCreate: () => true,
  canSubscribe: () => true,
  canPublish: () => true,
};

export const start: Start = async (scenario) => {
  const server = createServer(scenario);
  server.securityPolicy = policy;
  if (!scenario.ack) server.addExtension(new AcknowledgedMessagesExtension());
  if (!scenario.binary) server.addExtension(new BinaryExtension());
  server.addExtension(new ActivityExtension({ maxInactivity: AN_HOUR }));
  server.addExtension(new TimesyncExtension());
  server.addExtension(new TimestampExtension());
  server.createChannelIfAbsent('/elsewhere/**', (channel) => {
    channel.persistent = true;
    channel.addAuthorizer(GrantAuthorizer.GRANT_SUBSCRIBE);
  });
  const listener = await createListener(scenario);
  server.attach(listener, { path: '/cometd' });
  return { port: await listen(listener) };
};
