/** The browser cookie on the wire: read from a request, written to a response. */
import type { HttpOptions } from '../options.ts';

/** Values of a cookie in a `Cookie` header, in its order; a browser may send several of one name. */
export function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = [];
  if (header === undefined) return values;
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    values.push(value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value);
  }
  return values;
}

/** Whether a `Cookie` header shows this value of a cookie. One that holds nothing else, as most do, is not taken apart. */
export function showsCookie(header: string | undefined, name: string, value: string): boolean {
  if (header === undefined) return false;
  const isAlone =
    header.length === name.length + 1 + value.length &&
    header.startsWith(name) &&
    header[name.length] === '=' &&
    header.endsWith(value);
  return isAlone || cookieValues(header, name).includes(value);
}

/** A `Set-Cookie` value with the attributes of the options. `Secure` only where it can be kept. */
export function setCookie(value: string, options: HttpOptions, secure: boolean): string {
  let text = `${options.browserCookieName}=${value}`;
  if (options.browserCookieDomain !== '') text += `; Domain=${options.browserCookieDomain}`;
  if (options.browserCookiePath !== '') text += `; Path=${options.browserCookiePath}`;
  if (options.browserCookieMaxAge >= 0) text += `; Max-Age=${options.browserCookieMaxAge}`;
  if (options.browserCookieHttpOnly) text += '; HttpOnly';
  if (options.browserCookieSecure && secure) text += '; Secure';
  if (options.browserCookieSameSite !== '') text += `; SameSite=${options.browserCookieSameSite}`;
  if (options.browserCookiePartitioned) text += '; Partitioned';
  return text;
}
