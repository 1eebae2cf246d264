/** What a person is asked before a run, which is also what the flags say: one table for each side. */
import { Complaint } from '../complaint.ts';

export type Answer = string | number | boolean;
export type Answers = Readonly<Record<string, Answer>>;

export interface Question {
  /** Name of the flag, without dashes. */
  readonly flag: string;
  readonly text: string;
  readonly default: Answer;
  /** The smallest number. Default 0. */
  readonly least?: number;
  readonly choices?: readonly string[];
  /** Asked before each run, not only before the first one. */
  readonly again?: boolean;
  /** Asked only when this flag was answered with yes. */
  readonly when?: string;
}

export const serverQuestions: readonly Question[] = [
  { flag: 'host', text: 'listen address', default: '127.0.0.1' },
  { flag: 'port', text: 'listen port', default: 8080 },
  { flag: 'tls', text: 'use TLS', default: false },
  { flag: 'cert', text: 'certificate file', default: 'cert.pem', when: 'tls' },
  { flag: 'key', text: 'key file', default: 'key.pem', when: 'tls' },
  { flag: 'path', text: 'context', default: '/cometd' },
  { flag: 'transports', text: 'transports (websocket,long-polling)', default: 'websocket,long-polling' },
];

export const clientQuestions: readonly Question[] = [
  { flag: 'host', text: 'server', default: 'localhost' },
  { flag: 'port', text: 'port', default: 8080, least: 1 },
  { flag: 'transport', text: 'transport', default: 'websocket', choices: ['websocket', 'long-polling'] },
  { flag: 'tls', text: 'use TLS', default: false },
  { flag: 'path', text: 'context', default: '/cometd' },
  { flag: 'channel', text: 'channel', default: '/chat/demo' },
  { flag: 'rooms', text: 'rooms', default: 100, least: 1 },
  { flag: 'rooms-per-client', text: 'rooms per client', default: 10, least: 1 },
  { flag: 'ack', text: 'enable ack extension', default: false },
  { flag: 'clients', text: 'clients (0 ends)', default: 1_000, again: true },
  { flag: 'batch-count', text: 'batch count', default: 1_000, least: 1, again: true },
  { flag: 'batch-size', text: 'batch size', default: 10, least: 1, again: true },
  { flag: 'batch-pause', text: 'batch pause (µs)', default: 10_000, again: true },
  { flag: 'message-size', text: 'message size', default: 50, again: true },
  { flag: 'randomize', text: 'randomize sends', default: false, again: true },
];

const place = new Set(['host', 'port', 'transport', 'tls', 'path', 'channel', 'ack', 'message-size']);

/** Of `cometd bench capacity`, which asks nothing: these are its flags. */
export const capacityQuestions: readonly Question[] = [
  { flag: 'latency', text: '99 of 100 messages take at most so many ms', default: 100, least: 1 },
  { flag: 'every', text: 'seconds between two messages of a user', default: 10, least: 1 },
  { flag: 'room-size', text: 'users of a room, who hear each other', default: 50, least: 1 },
  { flag: 'clients', text: 'users to begin with', default: 500, least: 1 },
  { flag: 'most', text: 'users to end with', default: 100_000, least: 1 },
  { flag: 'seconds', text: 'seconds that each step takes', default: 5, least: 1 },
  ...clientQuestions.filter(({ flag }) => place.has(flag)),
];

/** What was answered to a question, or its default. */
export function chosen<Value extends Answer>(questions: readonly Question[], answers: Answers, flag: string): Value {
  return (answers[flag] ?? questions.find((question) => question.flag === flag)?.default) as Value;
}

/** Reads an answer as the question wants it. Throws `Complaint` for what is none. */
export function answerOf(question: Question, text: string): Answer {
  const { flag, choices, least = 0 } = question;
  if (typeof question.default === 'boolean') {
    if (/^(true|yes|y)$/i.test(text)) return true;
    if (/^(false|no|n)$/i.test(text)) return false;
    throw new Complaint(`${flag} is answered with true or false, not '${text}'`);
  }
  if (typeof question.default === 'number') {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least && text.trim() !== '') return number;
    throw new Complaint(`${flag} must be a whole number of at least ${least}, not '${text}'`);
  }
  if (!choices) return text;
  // The book's tool numbers them.
  const choice = choices.includes(text) ? text : choices[/^\d$/.test(text) ? Number(text) : -1];
  if (choice !== undefined) return choice;
  throw new Complaint(`${flag} must be ${choices.join(' or ')}, not '${text}'`);
}
