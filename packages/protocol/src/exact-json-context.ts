/** JSON whose numbers stay what they were written as, however long. */
import { JSONContext, stringify } from './json-context.ts';
import { endOfNumber, endOfString } from './scan.ts';

/** A number that is neither a double nor an integer: a decimal of many digits, or one far too large or small. */
export class ExactNumber {
  /** As it stands in JSON. */
  readonly text: string;

  /** Throws `TypeError` for a text that is no JSON number. */
  constructor(text: string) {
    if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) throw new TypeError(`No JSON number: ${text}`);
    this.text = text;
  }

  /** The nearest double. */
  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  /** For contexts that do not know it. */
  toJSON(): number {
    return this.valueOf();
  }
}

/**
 * A context that keeps numbers exact: integers that a double cannot hold are read as `bigint`, other numbers that it cannot hold as
 * `ExactNumber`; both are written digit by digit. All other numbers are ordinary. Convertors work as in `JSONContext`.
 * It costs more than the platform's JSON, so it is not the default.
 */
export class ExactJSONContext extends JSONContext {
  override parse(text: string): unknown {
    const numbers = inexactNumbers(text);
    if (numbers.length === 0) return super.parse(text);
    let mark = '#';
    JSON.parse(text, (_name, value: unknown) => {
      mark = unlike(mark, value);
      return value;
    });
    let marked = '';
    let from = 0;
    for (const [start, end] of numbers) {
      marked += `${text.slice(from, start)}"${mark}${text.slice(start, end)}"`;
      from = end;
    }
    return JSON.parse(marked + text.slice(from), (_name, value: unknown) =>
      typeof value === 'string' && value.startsWith(mark) ? exact(value.slice(mark.length)) : this.revive(value),
    );
  }

  override generate(value: unknown): string {
    let mark = '#';
    let found = false;
    const plain = stringify(value, (original, own, name) => {
      mark = unlike(unlike(mark, own), name);
      if (typeof original !== 'bigint' && !(original instanceof ExactNumber)) return this.write(original, own);
      found = true;
      return null;
    });
    if (!found) return plain ?? super.generate(value);
    const text = stringify(value, (original, own) =>
      typeof original === 'bigint' || original instanceof ExactNumber
        ? `${mark}${original}`
        : this.write(original, own),
    ) as string;
    return withoutMarks(text, mark);
  }
}

/** Takes the quotes and the mark from the strings that begin with it. A quote within a string begins none. */
function withoutMarks(text: string, mark: string): string {
  let plain = '';
  let from = 0;
  for (let quote = text.indexOf('"'); quote >= 0; ) {
    const end = endOfString(text, quote);
    if (text.startsWith(mark, quote + 1)) {
      plain += text.slice(from, quote) + text.slice(quote + 1 + mark.length, end);
      from = end + 1;
    }
    quote = text.indexOf('"', end + 1);
  }
  return plain + text.slice(from);
}

/** A mark that the value does not begin with. */
function unlike(mark: string, value: unknown): string {
  let longer = mark;
  while (typeof value === 'string' && value.startsWith(longer)) longer += '#';
  return longer;
}

/** To make a `bigint` of more digits takes too long for what a peer may send: those stay text. */
const longestInteger = 1000;

function exact(text: string): bigint | ExactNumber {
  return text.length <= longestInteger && /^-?\d+$/.test(text) ? BigInt(text) : new ExactNumber(text);
}

/** Where the numbers are that a double would change. */
function inexactNumbers(text: string): [start: number, end: number][] {
  const found: [number, number][] = [];
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === '"') index = endOfString(text, index);
    else if (character === '-' || (character >= '0' && character <= '9')) {
      const end = endOfNumber(text, index);
      if (changes(text.slice(index, end))) found.push([index, end]);
      index = end - 1;
    }
  }
  return found;
}

/** Doubles hold all numbers of 15 digits that are neither huge nor tiny, and some longer ones, which they write themselves. */
function changes(text: string): boolean {
  const value = Number(text);
  const [mantissa = ''] = text.split(/[eE]/, 1);
  const digits = mantissa.replace(/[-.]/g, '').replace(/^0+/, '');
  if (digits === '') return false;
  if (!Number.isFinite(value) || value === 0) return true;
  let length = digits.length;
  while (digits.charAt(length - 1) === '0') length--;
  return length > 15 && String(value) !== text;
}
