/**
 * Runs the conformance suite: against our server, or with COMETD_URL against the server there, which is taken for a Java
 * one unless COMETD_KIND says `ours`. That server runs with
 * timeout 1500, maxInterval 1000 and sweepPeriod 200. COMETD_FURNISHED says that it has the two channels of furnish.ts.
 */
import { furnish, type Launched, launch } from '@cometd-ts/testkit';
import { afterAll, beforeAll } from 'vitest';
import { conformance } from './conformance.ts';
import type { Peer } from './peer.ts';

const { COMETD_URL: elsewhere, COMETD_KIND } = process.env;
const settings = { timeout: 1500, maxInterval: 1000, sweepPeriod: 200 };

let launched: Launched | undefined;
const peer: Peer = {
  name: elsewhere ?? 'our server',
  kind: elsewhere && COMETD_KIND !== 'ours' ? 'java' : 'ours',
  url: () => elsewhere ?? launched?.url ?? '',
  ...settings,
  furnished: !elsewhere || 'COMETD_FURNISHED' in process.env,
};

beforeAll(async () => {
  if (elsewhere) return;
  const allowedTransports = ['websocket', 'long-polling', 'callback-polling'] as const;
  const options = { ...settings, allowedTransports: [...allowedTransports] };
  launched = await launch({ options, prepare: furnish });
});

afterAll(async () => {
  await launched?.close();
});

conformance(peer);
