import { pair, received } from '@cometd-ts/testing';
import { expect, it } from 'vitest';

it('sends everybody what anybody says', async () => {
  await using app = pair();
  const other = app.newLine().client();
  await Promise.all([app.client.handshake(), other.handshake()]);

  await using lobby = await received(other, '/lobby');
  await app.client.getChannel('/lobby').publish('Hello');

  expect((await lobby.next()).data).toBe('Hello');
});
