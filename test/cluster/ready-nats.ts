/** Readies the NATS servers, once for all tests that need them, and says in the end what could not be tested without one. */
import { type NatsProgram, readyNats, skippedNats } from '@cometd-ts/testkit/nats';

let programs: readonly NatsProgram[] = [];

/** Called by vitest before the first of these tests. */
export async function setup(): Promise<void> {
  programs = await readyNats((line) => process.stdout.write(`${line}\n`));
  say();
}

/** After the last one: once more, where it is seen. */
export function teardown(): void {
  say();
}

function say(): void {
  for (const line of skippedNats(programs)) process.stdout.write(`${line}\n`);
}
