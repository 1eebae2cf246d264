/** The names of the objects of a node: one object a name, and versions that go on where the last one of that name stopped. */
import type { Oort } from '../oort.ts';

interface Entry {
  isTaken: boolean;
  version: number;
}

/** By node, so that two nodes in one process do not meet here. */
const nodes: WeakMap<Oort, Map<string, Entry>> = new WeakMap();

/** Takes a name. Answers the version to begin with: 0 for a new name. Throws `TypeError` when another object has it. */
export function takeName(oort: Oort, name: string): number {
  const names = nodes.get(oort) ?? new Map<string, Entry>();
  nodes.set(oort, names);
  const entry = names.get(name) ?? { isTaken: false, version: -1 };
  if (entry.isTaken) throw new TypeError(`There is an object '${name}' on this node already`);
  names.set(name, { ...entry, isTaken: true });
  return entry.version + 1;
}

/** The others know the part up to this version, and would ignore a new object that begins below it. */
export function freeName(oort: Oort, name: string, version: number): void {
  nodes.get(oort)?.set(name, { isTaken: false, version });
}
