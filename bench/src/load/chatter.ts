/** The message everybody publishes, and how deliveries of it are found and timed in received bytes. */
import { CHANNEL } from '../scenarios.ts';

/** A message is recognised by its time stamp, which nothing else a server sends contains. */
const STAMP = Buffer.from('"ts":');
const CHAT = 'the quick brown fox jumps over the lazy dog; 50 chr';
/** Stamps count µs from here, so that all have as many digits. */
const EPOCH = 100_000_000_000;
const DIGITS = 12;

/** Now, in µs. */
export function now(): number {
  return EPOCH + Math.floor(performance.now() * 1_000);
}

/** One message, about 145 bytes on the wire when it is delivered in a Bayeux array. */
export function dataOf(stamp: number): string {
  return `{"room":1,"ts":${stamp},"chat":"${CHAT}"}`;
}

/** A Bayeux publish. `clientId` is '' for a peer that knows none. */
export function publishOf(stamp: number, id: number, clientId: string): string {
  const client = clientId === '' ? '' : `,"clientId":"${clientId}"`;
  return `[{"channel":"${CHANNEL}","data":${dataOf(stamp)},"id":"${id}"${client}}]`;
}

/** Whether these bytes hold any message. */
export function holdsMessages(bytes: Buffer): boolean {
  return bytes.indexOf(STAMP) !== -1;
}

/** How many messages these bytes hold. */
export function countMessages(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(STAMP); at !== -1; at = bytes.indexOf(STAMP, at + 60)) count++;
  return count;
}

/** Calls `each` with the age of every message in these bytes, in µs. */
export function agesOf(bytes: Buffer, each: (age: number) => void): void {
  const received = now();
  for (let at = bytes.indexOf(STAMP); at !== -1; at = bytes.indexOf(STAMP, at + 60)) {
    const digits = at + STAMP.length;
    each(received - Number(bytes.toString('latin1', digits, digits + DIGITS)));
  }
}
