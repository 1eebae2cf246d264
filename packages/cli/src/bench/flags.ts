/** The command line of `cometd bench`: a flag for each question, and some that are not asked. */
import { parseArgs } from 'node:util';
import { suggestion } from '@cometd-ts/server';
import { Complaint, reasonOf } from '../complaint.ts';
import { type Answer, answerOf, type Question } from './questions.ts';

/** Flags that are not asked. */
export interface Extras {
  readonly [name: string]: 'string' | 'boolean';
}

export interface Given {
  /** What the flags answer. */
  readonly answers: Readonly<Record<string, Answer>>;
  /** The flags that are no questions. */
  readonly extras: Readonly<Record<string, string | boolean | undefined>>;
}

/** Throws `Complaint` for a flag that does not exist, or whose value is not to be had. */
export function readFlags(args: readonly string[], questions: readonly Question[], extras: Extras): Given {
  const options: Record<string, { type: 'string' | 'boolean' }> = {};
  for (const [name, type] of Object.entries(extras)) options[name] = { type };
  for (const { flag, default: one } of questions) {
    options[flag] = { type: typeof one === 'boolean' ? 'boolean' : 'string' };
  }
  let values: Record<string, string | boolean | undefined>;
  try {
    values = parseArgs({ args: [...args], options, allowPositionals: false, allowNegative: true }).values;
  } catch (error) {
    const [, unknown] = /Unknown option '(--?[^']+)'/.exec(reasonOf(error)) ?? [];
    if (unknown === undefined) throw new Complaint(reasonOf(error));
    const names = Object.keys(options).map((name) => `--${name}`);
    throw new Complaint(`There is no flag '${unknown}'${suggestion(unknown, names) || ': --help lists them'}`);
  }
  const answers: Record<string, Answer> = {};
  for (const question of questions) {
    const value = values[question.flag];
    if (value !== undefined) answers[question.flag] = typeof value === 'boolean' ? value : answerOf(question, value);
  }
  const rest = Object.keys(extras).map((name) => [name, values[name]] as const);
  return { answers, extras: Object.fromEntries(rest) };
}

/** The number a flag says. Throws `Complaint` for what is none, or less than `least`. */
export function numberOf(flag: string, value: string | boolean | undefined, otherwise: number, least: number): number {
  if (value === undefined) return otherwise;
  return answerOf({ flag, text: flag, default: otherwise, least }, String(value)) as number;
}

export function textOf(value: string | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The lines of help for questions. */
export function helpOf(questions: readonly Question[]): string {
  return questions
    .map(({ flag, text, choices, default: one }) => {
      const name = `--${flag}${typeof one === 'boolean' ? '' : ` <${typeof one === 'number' ? 'number' : 'text'}>`}`;
      return `      ${name.padEnd(28)}${text}${choices ? `: ${choices.join(', ')}` : ''} (default ${one})`;
    })
    .join('\n');
}
