/** Asks a person the questions that no flag has answered; an empty line is the default. */
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Complaint } from '../complaint.ts';
import { type Answer, type Answers, answerOf, type Question } from './questions.ts';

export class Interview {
  readonly #reader: Interface;
  readonly #output: Writable;
  readonly #lines: AsyncIterator<string>;

  constructor(input: Readable, output: Writable) {
    this.#reader = createInterface({ input });
    this.#output = output;
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** The answers to these questions, asked again until they are good; null when there is nobody any more. */
  async ask(questions: readonly Question[], given: Answers, last: Answers): Promise<Answers | null> {
    const answers: Record<string, Answer> = {};
    for (const question of questions) {
      const { flag, when } = question;
      if (given[flag] !== undefined) answers[flag] = given[flag];
      else if (when === undefined || answers[when] === true) {
        const answer = await this.#answer(question, last[flag] ?? question.default);
        if (answer === null) return null;
        answers[flag] = answer;
        // Who has no users has no further questions.
        if (flag === 'clients' && answer === 0) return answers;
      }
    }
    return answers;
  }

  close(): void {
    this.#reader.close();
  }

  async #answer(question: Question, otherwise: Answer): Promise<Answer | null> {
    if (question.choices) {
      this.#output.write(`${question.text}s:\n${question.choices.map((one, at) => ` ${at} - ${one}\n`).join('')}`);
    }
    for (;;) {
      this.#output.write(`${question.text} [${otherwise}]: `);
      const { value, done } = await this.#lines.next();
      if (done === true) return null;
      if (value.trim() === '') return otherwise;
      try {
        return answerOf(question, value.trim());
      } catch (error) {
        if (!(error instanceof Complaint)) throw error;
        this.#output.write(`${error.message}\n`);
      }
    }
  }
}
