/** Schemas of an application, between what arrives and those who hear it. */
import type { Schema, SchemaResult } from './channel-map.ts';
import { wildsOf } from './channel-names.ts';
import type { Message } from './message.ts';

interface Outcome {
  deliver(channel: string, message: Message): void;
  invalid(message: Message, issues: readonly { readonly message: string }[]): void;
  failed(error: unknown): void;
}

export class Checks {
  readonly #schemas: Readonly<Record<string, Schema>> | undefined;
  readonly #outcome: Outcome;
  /** By channel, the last check that is not done yet. */
  readonly #open: Map<string, Promise<unknown>> = new Map();

  constructor(schemas: Readonly<Record<string, Schema>> | undefined, outcome: Outcome) {
    this.#schemas = schemas;
    this.#outcome = outcome;
  }

  /** Delivers what fits. A check that takes its time holds up what comes behind it on the same channel. */
  pass(channel: string, message: Message): void {
    const { deliver, invalid, failed } = this.#outcome;
    const schema = message.data === undefined ? undefined : this.#of(channel);
    if (!schema) {
      deliver(channel, message);
      return;
    }
    const judge = (judged: SchemaResult<unknown>): void => {
      if (judged.issues) invalid(message, judged.issues);
      else deliver(channel, { ...message, data: judged.value });
    };
    const before = this.#open.get(channel);
    try {
      const result = schema['~standard'].validate(message.data);
      if (before || result instanceof Promise) this.#wait(channel, Promise.all([result, before]), judge);
      else judge(result);
    } catch (error) {
      failed(error);
    }
  }

  #of(channel: string): Schema | undefined {
    const schemas = this.#schemas;
    const name = schemas && [channel, ...wildsOf(channel)].find((one) => Object.hasOwn(schemas, one));
    return name === undefined ? undefined : schemas?.[name];
  }

  #wait(
    channel: string,
    results: Promise<[SchemaResult<unknown>, unknown]>,
    judge: (judged: SchemaResult<unknown>) => void,
  ): void {
    const check = results
      .then(([judged]) => judge(judged))
      .catch(this.#outcome.failed)
      .finally(() => this.#open.get(channel) === check && this.#open.delete(channel));
    this.#open.set(channel, check);
  }
}
