/** The message everybody publishes, and how deliveries of it are found and timed in received bytes. */
import { CHANNEL, channelOf, type Scenario } from '../scenarios.ts';

/** A message is recognised by its time stamp, which nothing else a server sends contains. */
const STAMP = Buffer.from('"ts":');
/** From one stamp to the next it is always farther; what is left after the last one of small messages is shorter. */
const STEP = 110;
const CHAT = 'the quick brown fox jumps over the lazy dog; 50 chr';
/** Eight bytes in Z85. */
const EIGHT_BYTES = 'HelloWorld';
/** Stamps count µs from here, so that all have as many digits. */
const EPOCH = 100_000_000_000;
const DIGITS = 12;

/** What is published, and in which form. */
export interface Chat {
  readonly channel: string;
  readonly text: string;
  readonly binary: boolean;
  /** Messages in a frame. */
  readonly together: number;
}

/** About 145 bytes on the wire when it is delivered in a Bayeux array. */
export const smallTalk: Chat = { channel: CHANNEL, text: CHAT, binary: false, together: 1 };

export function chatOf(scenario: Scenario): Chat {
  const { size, binary, together } = scenario;
  const text = binary
    ? EIGHT_BYTES.repeat(size / 8)
    : size <= CHAT.length
      ? CHAT
      : CHAT.repeat(Math.ceil(size / CHAT.length)).slice(0, size);
  return { channel: channelOf(scenario), text, binary, together };
}

/** Now, in µs. */
export function now(): number {
  return EPOCH + Math.floor(performance.now() * 1_000);
}

/** One message, as Socket.IO publishes it. */
export function messageOf(stamp: number, id: number, clientId: string, { channel, text, binary }: Chat): string {
  const client = clientId === '' ? '' : `,"clientId":"${clientId}"`;
  return binary
    ? `{"channel":"${channel}","data":{"data":"${text}","last":true,"meta":{"ts":${stamp}}},"ext":{"binary":{}},"id":"${id}"${client}}`
    : `{"channel":"${channel}","data":{"room":1,"ts":${stamp},"chat":"${text}"},"id":"${id}"${client}}`;
}

/** A Bayeux frame that publishes. `clientId` is '' for a peer that knows none. */
export function publishOf(stamp: number, id: number, clientId: string, chat: Chat): string {
  const messages = Array.from({ length: chat.together }, () => messageOf(stamp, id, clientId, chat));
  return `[${messages.join(',')}]`;
}

/** How many messages these bytes hold. A search costs as much as all else, so none is made that finds nothing. */
export function countMessages(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(STAMP); at !== -1; at = nextStamp(bytes, at)) count++;
  return count;
}

function nextStamp(bytes: Buffer, at: number): number {
  return bytes.length - at < STEP ? -1 : bytes.indexOf(STAMP, at + STEP);
}

/** Calls `each` with the age of every message in these bytes, in µs. */
export function agesOf(bytes: Buffer, each: (age: number) => void): void {
  const received = now();
  for (let at = bytes.indexOf(STAMP); at !== -1; at = nextStamp(bytes, at)) {
    const digits = at + STAMP.length;
    each(received - Number(bytes.toString('latin1', digits, digits + DIGITS)));
  }
}
