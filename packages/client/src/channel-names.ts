/** Channel names as clients need them: which are legal, and which wildcards match one. */

const legal = /^\/[A-Za-z0-9 !#$()*+\-./@_{~}]+$/;

/** Whether a name has only the characters of channel names. The server knows the finer rules. */
export function isLegalChannel(name: unknown): name is string {
  return typeof name === 'string' && legal.test(name);
}

const known: Map<string, readonly string[]> = new Map();

/** The wildcard channels that match a channel, from near to far: for `/a/b` they are `/a/*`, `/a/**`, `/**`. */
export function wildsOf(name: string): readonly string[] {
  let wilds = known.get(name);
  if (!wilds) {
    wilds = findWilds(name);
    // An application has a few channels; one with many begins anew now and then.
    if (known.size >= 1000) known.clear();
    known.set(name, wilds);
  }
  return wilds;
}

function findWilds(name: string): string[] {
  const wilds: string[] = [];
  let end = name.lastIndexOf('/');
  if (end >= 0) wilds.push(`${name.slice(0, end)}/*`);
  for (; end >= 0; end = end === 0 ? -1 : name.lastIndexOf('/', end - 1)) wilds.push(`${name.slice(0, end)}/**`);
  return wilds;
}
