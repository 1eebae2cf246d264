/** A `timestamp` on every message that leaves. */
import type { Message } from '../message.ts';
import { Extension } from './extension.ts';

/** Writes the time as CometD does, like `Thu, 01 Jan 1970 00:00:00 GMT`. Book section 10.8. */
export class TimeStampExtension extends Extension {
  override outgoing(message: Message): Message {
    message.timestamp = new Date().toUTCString();
    return message;
  }
}
