/** A `timestamp` on every message that the server sends. Book section 10.8. */
import type { Extension } from '../api.ts';
import type { ServerMessage } from '../message.ts';

export interface TimestampOptions {
  /** A time zone such as 'UTC' or 'Europe/Rome', for the default format. Default that of the server. */
  readonly timeZone?: string;
  /** Makes the text. Default CometD's own, such as `Sat Nov 21 03:20:33 UTC 2026`, in `timeZone`. */
  readonly format?: (now: Date) => string;
}

/**
 * Writes the time into the field `timestamp` of what is published, of what is delivered to one session, and of replies.
 *
 * @example
 * server.addExtension(new TimestampExtension({ format: (now) => now.toISOString() }));
 */
export class TimestampExtension implements Extension {
  readonly #format: (now: Date) => string;

  /** Throws `RangeError` for a time zone nobody knows, `TypeError` for a format that is no function. */
  constructor({ timeZone, format }: TimestampOptions = {}) {
    if (format !== undefined && typeof format !== 'function')
      throw new TypeError("The option 'format' must be a function");
    this.#format = format ?? javaFormat(timeZone);
  }

  send(_from: unknown, _to: unknown, message: ServerMessage): void {
    message.timestamp = this.#format(new Date());
  }

  sendMeta(from: unknown, to: unknown, message: ServerMessage): void {
    this.send(from, to, message);
  }
}

/** The pattern `EEE MMM dd HH:mm:ss zzz yyyy`. The text of a second is made once. */
function javaFormat(timeZone: string | undefined): (now: Date) => string {
  const format = new Intl.DateTimeFormat('en-US', {
    weekday: 'short',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
    year: 'numeric',
    ...(timeZone !== undefined && { timeZone }),
  });
  let second = Number.NaN;
  let text = '';
  return (now) => {
    const current = Math.floor(now.getTime() / 1000);
    if (current === second) return text;
    const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]));
    second = current;
    text = `${parts.weekday} ${parts.month} ${parts.day} ${parts.hour}:${parts.minute}:${parts.second} ${parts.timeZoneName} ${parts.year}`;
    return text;
  };
}
