/** Finds the source text of each message's `data` in a payload, for data with numbers that re-encoding would change. */
import { endOfNumber, endOfString, isExact, skipSpace } from './scan.ts';

/**
 * The source text of the `data` of each message, in order; undefined where encoding the parsed data gives the same
 * numbers. The text must be valid JSON, an array of objects or one object. Of repeated `data` members the last counts,
 * as in `JSON.parse`. Data that itself repeats a name is not kept: its recipients could read another value than we did.
 */
export function dataTexts(text: string): (string | undefined)[] {
  const texts: (string | undefined)[] = [];
  const envelope = text.charAt(skipSpace(text, 0)) === '[' ? 2 : 1;
  let depth = 0;
  let name: string | undefined;
  let start = 0;
  let data: string | undefined;
  for (let index = 0; index < text.length; index++) {
    switch (text.charAt(index)) {
      case '"': {
        const end = endOfString(text, index);
        if (depth === envelope && name === undefined) name = text.slice(index, end + 1);
        index = end;
        break;
      }
      case ':':
        if (depth === envelope) start = skipSpace(text, index + 1);
        break;
      case '{':
      case '[':
        depth++;
        if (depth === envelope) name = data = undefined;
        break;
      case ',':
      case '}':
      case ']':
        if (depth === envelope && name !== undefined) {
          if (isData(name)) data = text.slice(start, index).trimEnd();
          name = undefined;
        }
        if (text.charAt(index) === ',') break;
        if (depth === envelope) texts.push(data === undefined || !mustKeep(data) ? undefined : data);
        depth--;
        break;
      default:
    }
  }
  return texts;
}

/** Names may be written with escapes. */
function isData(quoted: string): boolean {
  return quoted === '"data"' || (quoted.includes('\\') && JSON.parse(quoted) === 'data');
}

function mustKeep(data: string): boolean {
  let exact = true;
  let members = 0;
  for (let index = 0; index < data.length; index++) {
    const character = data.charAt(index);
    if (character === '"') index = endOfString(data, index);
    else if (character === ':') members++;
    else if (character === '-' || (character >= '0' && character <= '9')) {
      const end = endOfNumber(data, index);
      exact &&= isExact(data, index, end);
      index = end - 1;
    }
  }
  return !exact && members === membersOf(JSON.parse(data));
}

/** Recursion is safe here: the payload is within its depth limit. */
function membersOf(value: unknown): number {
  if (value === null || typeof value !== 'object') return 0;
  let members = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const inner of Object.values(value)) members += membersOf(inner);
  return members;
}
