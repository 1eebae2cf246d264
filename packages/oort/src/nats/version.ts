/** Which version a NATS server is of. Never assumed: an old one takes options that it does not know, and ignores them. */
import { NatsError } from './error.ts';

/** Whether a version such as `2.11.0-beta.1` is at least `least`, such as `2.11.0`. What is no version is too old. */
export function isAtLeast(version: string, least: string): boolean {
  const [have, need] = [numbersOf(version), numbersOf(least)];
  if (!have || !need) return false;
  for (const [index, number] of need.entries()) {
    const own = have[index] as number;
    if (own !== number) return own > number;
  }
  return true;
}

/** Throws `NatsError` when the server is older than `least`. `what` needs it, such as `Counters`. */
export function requireVersion(info: { readonly version: string } | undefined, least: string, what: string): void {
  const version = info?.version ?? 'unknown';
  if (!isAtLeast(version, least))
    throw new NatsError('tooOld', `${what} needs nats-server ${least} or later; this one is ${version}`);
}

/** Throws `NatsError` when the server keeps nothing. `what` needs it, such as `Buckets`. */
export function requireJetStream(info: { readonly jetstream?: boolean } | undefined, what: string): void {
  if (info?.jetstream !== true)
    throw new NatsError(
      'noJetStream',
      `${what} needs JetStream, which is off at this NATS server: start it with jetstream on`,
    );
}

function numbersOf(version: string): number[] | undefined {
  return /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number);
}
