/** JSONP, hardened: which callback names are taken, and how an answer becomes a script. Book section 7.3. */
import type { HttpOptions } from '../options.ts';

/** A JavaScript reference: identifiers joined by dots. Linear, because a dot is in no identifier. */
const reference = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/;

/** The callback's name in a URL; null when it is missing, given twice, too long, or could be anything but a name. */
export function callbackOf(url: string, options: HttpOptions): string | null {
  const question = url.indexOf('?');
  if (question < 0) return null;
  const names = new URLSearchParams(url.slice(question + 1)).getAll(options.callbackParameter);
  const [name] = names;
  if (names.length !== 1 || name === undefined || name.length > options.callbackParameterMaxLength) return null;
  return reference.test(name) ? name : null;
}

/** Calls `callback` with JSON that is safe inside a script, and behind a comment that no other file format begins with. */
export function scriptOf(callback: string, json: string): string {
  const safe = json.replace(/[<\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `/**/${callback}(${safe})`;
}
