/** The wire of Bayeux, chapter by chapter, against any server. */
// biome-ignore-all lint/suspicious/noExportsInTest: the suite is a function, so that it can meet any server
import { describe } from 'vitest';
import { callback } from './chapters/callback.ts';
import { channels } from './chapters/channels.ts';
import { connect } from './chapters/connect.ts';
import { disconnect } from './chapters/disconnect.ts';
import { handshake } from './chapters/handshake.ts';
import { malformed } from './chapters/malformed.ts';
import { publish } from './chapters/publish.ts';
import { sessions } from './chapters/sessions.ts';
import { subscribe } from './chapters/subscribe.ts';
import type { Peer } from './peer.ts';

export function conformance(peer: Peer): void {
  describe(`${peer.name} speaks Bayeux`, () => {
    for (const chapter of [
      handshake,
      connect,
      subscribe,
      publish,
      channels,
      disconnect,
      malformed,
      sessions,
      callback,
    ]) {
      chapter(peer);
    }
  });
}
