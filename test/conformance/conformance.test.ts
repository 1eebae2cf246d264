/**
 * Runs the conformance suite: against our server, or with COMETD_URL against the server there, which is taken for a Java
 * one unless COMETD_KIND says `ours`. COMETD_TIMEOUT and COMETD_MAX_INTERVAL (ms) name the options that server runs with.
 */
import { type Launched, launch } from '@cometd-ts/testkit';
import { afterAll, beforeAll } from 'vitest';
import { conformance } from './conformance.ts';
import { furnish } from './furnish.ts';
import type { Peer } from './peer.ts';

const { COMETD_URL: elsewhere, COMETD_KIND, COMETD_TIMEOUT, COMETD_MAX_INTERVAL } = process.env;
const timeout = Number(COMETD_TIMEOUT ?? 1500);
const maxInterval = Number(COMETD_MAX_INTERVAL ?? 2000);

let launched: Launched | undefined;
const peer: Peer = {
  name: elsewhere ?? 'our server',
  kind: elsewhere && COMETD_KIND !== 'ours' ? 'java' : 'ours',
  url: () => elsewhere ?? launched?.url ?? '',
  timeout,
  maxInterval,
  furnished: !elsewhere || 'COMETD_FURNISHED' in process.env,
};

beforeAll(async () => {
  if (elsewhere) return;
  const allowedTransports = ['websocket', 'long-polling', 'callback-polling'] as const;
  const options = { timeout, maxInterval, allowedTransports: [...allowedTransports] };
  launched = await launch({ options, prepare: furnish });
});

afterAll(async () => {
  await launched?.close();
});

conformance(peer);
