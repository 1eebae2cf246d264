/**
 * How patterns lie to each other. A pattern is a channel, `/a/*` or `/a/**`. Of two of them one lies within the other, or no
 * channel matches both: there is no third way, which is what makes covering easy.
 */

/** The patterns that a name, or another pattern, lies within, itself excluded; the narrowest first. */
export function around(name: string): string[] {
  const patterns: string[] = [];
  const isDeep = name.endsWith('/**');
  let end = name.lastIndexOf('/');
  // What matches `/a/*` has no deeper segments, what matches `/a/**` may have.
  if (!isDeep) {
    if (!name.endsWith('/*')) patterns.push(`${name.slice(0, end)}/*`);
    patterns.push(`${name.slice(0, end)}/**`);
  }
  while (end > 0) {
    end = name.lastIndexOf('/', end - 1);
    patterns.push(`${name.slice(0, end)}/**`);
  }
  return patterns;
}

/** Whether all that matches `inner` matches `outer`, too. Each lies within itself. */
export function isWithin(inner: string, outer: string): boolean {
  if (inner === outer) return true;
  if (!isPattern(outer)) return false;
  const isDeep = outer.endsWith('/**');
  const root = outer.slice(0, isDeep ? -2 : -1);
  if (!inner.startsWith(root) || inner.length === root.length) return false;
  return isDeep || (!inner.includes('/', root.length) && inner !== `${root}**`);
}

/** Whether a channel is among these names, or one of their patterns matches it. */
export function isMatched(channel: string, names: { has(name: string): boolean }): boolean {
  if (names.has(channel)) return true;
  let end = channel.lastIndexOf('/');
  if (names.has(`${channel.slice(0, end)}/*`)) return true;
  for (; end >= 0; end = end === 0 ? -1 : channel.lastIndexOf('/', end - 1))
    if (names.has(`${channel.slice(0, end)}/**`)) return true;
  return false;
}

/** The pattern of what matches both; null when nothing does. */
export function common(one: string, other: string): string | null {
  if (isWithin(one, other)) return one;
  return isWithin(other, one) ? other : null;
}

export function isPattern(name: string): boolean {
  return name.endsWith('/*') || name.endsWith('/**');
}
