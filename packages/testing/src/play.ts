/** A script as it is played: which message is expected, what it is answered with, and what went wrong. */
import { META_CONNECT, META_DISCONNECT, META_HANDSHAKE, META_SUBSCRIBE, type Message } from '@cometd-ts/protocol';

/** What a message must have: fields with these values, objects in part; or a function that says so, or throws. */
export type Pattern = Readonly<Record<string, unknown>> | ((message: Message) => boolean);

/** What becomes of a message. */
export type Answer =
  | { readonly act: 'reply'; readonly fields: Readonly<Partial<Message>> }
  | { readonly act: 'status'; readonly code: number }
  | { readonly act: 'hold' | 'silence' | 'cut' };

export interface Expectation {
  readonly channel: string;
  readonly pattern: Pattern | undefined;
  readonly answer: Answer;
}

/** What the server does by itself when its turn comes. */
export type Deed =
  | { readonly act: 'send'; readonly message: Message }
  | { readonly act: 'release'; readonly fields: Readonly<Partial<Message>> }
  | { readonly act: 'cut' };

type Step = { readonly expected: Expectation } | { readonly deed: Deed };

const REFUSED: Answer = {
  act: 'reply',
  fields: { successful: false, error: '400::not_in_the_script', advice: { reconnect: 'none' } },
};

export class Play {
  /** Everything that came, in its order. */
  readonly received: Message[] = [];
  /** Deeds whose turn has come. Whoever performs them takes them out. */
  readonly due: Deed[] = [];
  failure: Error | undefined;
  readonly #steps: Step[] = [];
  readonly #rules: Expectation[] = [];
  readonly #supported: readonly string[];
  #position = 0;
  #sessions = 0;

  constructor(supported: readonly string[]) {
    this.#supported = supported;
  }

  get isOver(): boolean {
    return this.#position === this.#steps.length && this.due.length === 0;
  }

  expect(expected: Expectation): void {
    this.#steps.push({ expected });
  }

  do(deed: Deed): void {
    this.#steps.push({ deed });
    this.#proceed();
  }

  whenever(rule: Expectation): void {
    this.#rules.push(rule);
  }

  /** Takes a message, and says what becomes of it. */
  take(message: Message): Answer {
    this.received.push(message);
    if (this.failure) return REFUSED;
    try {
      return this.#answer(message);
    } catch (cause) {
      this.failure = new Error(`${this.#where()}, got ${describe(message)}: ${cause}`, { cause });
      return REFUSED;
    }
  }

  #answer(message: Message): Answer {
    const step = this.#steps[this.#position];
    if (step && 'expected' in step && fits(message, step.expected)) {
      this.#position++;
      this.#proceed();
      return step.expected.answer;
    }
    const rule = this.#rules.find((one) => fits(message, one));
    if (rule) return rule.answer;
    if (!step && message.channel === META_CONNECT) return { act: 'hold' };
    if (!step && message.channel === META_DISCONNECT) return { act: 'reply', fields: {} };
    this.failure = new Error(`${this.#where()}, got ${describe(message)}${this.#history()}`);
    return REFUSED;
  }

  /** The reply to a message: what a server would say, and the fields of the script instead. */
  replyTo(message: Message, fields: Readonly<Partial<Message>>): Message {
    const { channel, id } = message;
    const reply: Message = { channel, ...(id === undefined ? {} : { id }), successful: true };
    if (channel === META_SUBSCRIBE && message.subscription !== undefined) reply.subscription = message.subscription;
    if (channel === META_HANDSHAKE && fields.successful !== false) {
      reply.version = '1.0';
      reply.clientId = `scripted-${++this.#sessions}`;
      reply.supportedConnectionTypes = [...this.#supported];
      reply.advice = { reconnect: 'retry', interval: 0, timeout: 30_000 };
    }
    return { ...reply, ...fields };
  }

  /** Why the script is not over yet. */
  unfinished(): Error {
    if (this.failure) return this.failure;
    return new Error(`${this.#where()}, and nothing came${this.#history()}`);
  }

  #proceed(): void {
    for (;;) {
      const step = this.#steps[this.#position];
      if (!step || 'expected' in step) return;
      this.#position++;
      this.due.push(step.deed);
    }
  }

  #where(): string {
    const step = this.#steps[this.#position];
    if (step && 'expected' in step) {
      return `Step ${this.#position + 1} of ${this.#steps.length}: expected ${describeExpected(step.expected)}`;
    }
    const waits = this.due.length > 0 ? `nobody to take ${JSON.stringify(this.due)}` : 'nothing more';
    return `The script has ended: expected ${waits}`;
  }

  #history(): string {
    const before = this.received.map((message) => `\n  ${describe(message)}`).join('');
    return before === '' ? '' : `\nAll that came:${before}`;
  }
}

function describe({ channel, ...fields }: Message): string {
  return `${channel} ${JSON.stringify(fields)}`;
}

function describeExpected({ channel, pattern }: Expectation): string {
  if (pattern === undefined) return channel;
  return `${channel} ${typeof pattern === 'function' ? pattern : JSON.stringify(pattern)}`;
}

function fits(message: Message, { channel, pattern }: Expectation): boolean {
  if (message.channel !== channel) return false;
  if (pattern === undefined) return true;
  return typeof pattern === 'function' ? pattern(message) : contains(message, pattern);
}

/** Whether a value is this one; an object may have more fields than are asked for. */
function contains(value: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return Object.is(value, part);
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== Array.isArray(part)) return false;
  if (Array.isArray(part) && (value as unknown[]).length !== part.length) return false;
  return Object.entries(part).every(([key, wanted]) => contains((value as Record<string, unknown>)[key], wanted));
}
