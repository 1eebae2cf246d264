/** What a command line can say to every suite, and what is wrong with it. */

/** Throws `RangeError`, whose text is for whoever typed it. */
export function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new RangeError(`--${name} takes a number from ${least} to ${most}, not '${text}'`);
}

/** Names separated by commas; all that are known when nothing was said. Throws `RangeError`. */
export function listOf<Name extends string>(text: string | undefined, known: readonly Name[]): readonly Name[] {
  if (text === undefined) return known;
  const names = text.split(',');
  const stranger = names.find((name) => !known.includes(name as Name));
  if (stranger !== undefined) throw new RangeError(`There is no '${stranger}'; there are ${known.join(', ')}`);
  return names as Name[];
}
