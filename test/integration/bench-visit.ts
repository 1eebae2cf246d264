/// <reference path="../../bench/src/faye-module.d.ts" />
/** Clients of the benchmark at one of its servers: what is published reaches all of them, in the circumstances of a scenario. */
import { expect, vi } from 'vitest';
import { chatOf, now } from '../../bench/src/load/chatter.ts';
import { connectOf, type Peer } from '../../bench/src/load/peer.ts';
import { findScenario, type Scenario, type ServerName } from '../../bench/src/scenarios.ts';
import { prepare, starts } from '../../bench/src/servers/all.ts';

const SUBSCRIBERS = 3;
const ROUNDS = 5;
const PATIENCE = { timeout: 20_000 };

/** Why a server cannot be tried here, said in a line; empty when it can. */
export async function obstacleOf(server: ServerName): Promise<string> {
  const { obstacle } = await prepare(server);
  if (obstacle) console.log(`skipped: ${server} of the benchmark, because ${obstacle}`);
  return obstacle;
}

/** Starts a server for the first of some scenarios, and visits it for all of them. */
export async function visit(server: ServerName, names: readonly string[]): Promise<void> {
  const [first, ...others] = names.map(findScenario) as [Scenario, ...Scenario[]];
  const { start } = await starts[server](first);
  const served = await start(first);
  // Connections end when the server is stopped, which is no loss.
  let lost: Error[] = [];
  const onLost = (error: Error): void => {
    lost.push(error);
  };
  try {
    for (const scenario of [first, ...others]) await exchange(server, scenario, served.port, onLost);
    if (served.pid !== undefined) {
      const memory = await served.memory?.();
      expect(memory?.rss).toBeGreaterThan(memory?.heap ?? Number.NaN);
      expect(await served.cpu?.()).toBeGreaterThan(0);
    }
    expect(lost).toEqual([]);
  } finally {
    lost = [];
    await served.stop?.();
  }
}

/** A publisher publishes as many messages at a time as the scenario says, when all subscribers have the last ones. */
async function exchange(
  server: ServerName,
  scenario: Scenario,
  port: number,
  onLost: (error: Error) => void,
): Promise<void> {
  const { tls, ack, http2, kind, inFlight, together } = scenario;
  const received: number[] = Array.from({ length: kind === 'reply' ? 0 : SUBSCRIBERS }, () => 0);
  let replies = 0;
  const connect = await connectOf(server, scenario);
  const join = (subscribes: boolean, onMessages: (bytes: Buffer, count: number) => void): Promise<Peer> =>
    connect({
      route: { port, tls },
      chat: chatOf(scenario),
      subscribes,
      ack,
      http2,
      onMessages,
      onReply: () => replies++,
      onLost,
    });
  for (const index of received.keys()) {
    await join(true, (_, count) => {
      received[index]! += count;
    });
  }
  const publisher = await join(false, () => undefined);
  for (let round = 1; round <= ROUNDS; round++) {
    publisher.publish(now(), inFlight / together);
    await vi.waitFor(() => {
      expect([scenario.name, replies, ...received]).toEqual([
        scenario.name,
        ...[0, ...received].map(() => round * inFlight),
      ]);
    }, PATIENCE);
  }
}
