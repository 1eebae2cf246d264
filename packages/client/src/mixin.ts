/** Copies the members of objects into another, as options and third-party extensions expect it. */

type Members = Record<string, unknown>;

/**
 * Copies own members of `objects` into `target`, and answers it. Undefined members, and one that is the target itself,
 * are left out. Deep: objects are merged, and arrays index by index.
 */
export function mixin(deep: boolean, target: object | null, ...objects: unknown[]): object {
  const result = (target ?? {}) as Members;
  for (const source of objects) {
    if (source === undefined || source === null) continue;
    for (const name of Object.keys(source)) {
      let value: unknown;
      try {
        value = (source as Members)[name];
      } catch {
        // A getter that throws has nothing to copy.
        continue;
      }
      if (name === '__proto__' || value === target || value === undefined || value === result[name]) continue;
      result[name] = deep && isMergeable(value) ? merged(result[name], value) : value;
    }
  }
  return result;
}

function isMergeable(value: unknown): value is object {
  return Array.isArray(value) || (typeof value === 'object' && value !== null);
}

function merged(old: unknown, value: object): object {
  const fits = Array.isArray(value)
    ? Array.isArray(old)
    : typeof old === 'object' && old !== null && !Array.isArray(old);
  return mixin(true, fits ? (old as object) : Array.isArray(value) ? [] : {}, value);
}
