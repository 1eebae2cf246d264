/** One HTTP request that waits for the test to answer it, however it was sent. */
import { type Message, replyTo } from './message.ts';

export abstract class Exchange {
  abstract readonly url: string;
  abstract readonly messages: readonly Message[];
  /** Answered, failed or aborted. */
  done = false;
  aborted = false;

  abstract answer(messages: unknown): Promise<void>;
  abstract fail(): Promise<void>;

  get channels(): (string | undefined)[] {
    return this.messages.map((message) => message.channel);
  }

  /** The first message; most requests have only one. */
  get message(): Message {
    const [message] = this.messages;
    if (!message) throw new Error('the request is empty');
    return message;
  }

  /** Agrees with every message of the request; `fields` are put over each reply. */
  reply(fields: Message = {}): Promise<void> {
    return this.answer(this.messages.map((message) => replyTo(message, fields)));
  }

  /** Refuses every message of the request. */
  refuse(fields: Message = {}): Promise<void> {
    return this.reply({ successful: false, clientId: undefined, error: '400::no', ...fields });
  }
}
