/** Header fields from several sources, whose names differ in case at most once. */

type Fields = Readonly<Record<string, string>>;

/** All fields, under lower-case names; where two sources name the same field, the later one wins. */
export function mergeHeaders(...sources: (Fields | undefined)[]): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const source of sources) {
    for (const [name, value] of Object.entries(source ?? {})) merged[name.toLowerCase()] = value;
  }
  return merged;
}

/** Adds the cookies of the jar before those that the application sends by itself. */
export function addCookies(headers: Record<string, string>, cookies: string): void {
  if (cookies === '') return;
  headers.cookie = headers.cookie ? `${cookies}; ${headers.cookie}` : cookies;
}
