/** JSON, and the application classes that travel in it. */

/** Writes and reads the objects of one application class. */
export interface Convertor<T> {
  readonly type: new (...args: never[]) => T;
  /** The fields to write. The context adds `class`. */
  write(value: T): Record<string, unknown>;
  /** Makes an object of the fields that were read, `class` among them. They come from a peer: check them. */
  read(fields: Record<string, unknown>): T;
}

interface Entry {
  readonly className: string;
  readonly convertor: Convertor<unknown>;
}

/**
 * Parses and generates JSON. Without convertors it is `JSON.parse` and `JSON.stringify`. With them, objects that have a
 * member `class` with a registered name are read by the convertor, inner ones first, and objects of a registered type
 * (or derived from it) are written by it with `class` first.
 *
 * The names come from peers, so they are looked up in a `Map`; a name nobody registered is ordinary data.
 */
export class JSONContext {
  readonly #byName: Map<string, Entry> = new Map();
  readonly #byPrototype: Map<object, Entry> = new Map();

  /** Registers an application class under the name that peers use for it. Throws `TypeError` for a name taken. */
  register<T>(className: string, convertor: Convertor<T>): this {
    if (this.#byName.has(className)) throw new TypeError(`There is a convertor for ${className} already`);
    const entry: Entry = { className, convertor: convertor as Convertor<unknown> };
    this.#byName.set(className, entry);
    this.#byPrototype.set(convertor.type.prototype as object, entry);
    return this;
  }

  protected get hasConvertors(): boolean {
    return this.#byName.size > 0;
  }

  /** Parses a text. Throws `SyntaxError`, and what a convertor throws. */
  parse(text: string): unknown {
    if (!this.hasConvertors) return JSON.parse(text);
    return JSON.parse(text, (_name, value: unknown) => this.revive(value));
  }

  /** Generates the text of a value. Throws `TypeError` for what has no JSON form: undefined, functions, cycles. */
  generate(value: unknown): string {
    const text = this.hasConvertors
      ? stringify(value, (original, own) => this.write(original, own))
      : JSON.stringify(value);
    if (text === undefined) throw new TypeError('The value has no JSON form');
    return text;
  }

  /** The application's object for what was parsed, if it is one. */
  protected revive(value: unknown): unknown {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, 'class')) return value;
    const className = (value as { class?: unknown }).class;
    const entry = typeof className === 'string' ? this.#byName.get(className) : undefined;
    return entry === undefined ? value : entry.convertor.read(value as Record<string, unknown>);
  }

  /** The fields of an application's object; `own` for everything else. */
  protected write(original: unknown, own: unknown): unknown {
    const entry = this.#entryOf(original);
    if (entry === undefined) return own;
    const fields: Record<string, unknown> = { class: entry.className, ...entry.convertor.write(original) };
    fields.class = entry.className;
    return fields;
  }

  #entryOf(value: unknown): Entry | undefined {
    if (value === null || typeof value !== 'object') return undefined;
    for (let prototype = prototypeOf(value); prototype !== null; prototype = prototypeOf(prototype)) {
      const entry = this.#byPrototype.get(prototype);
      if (entry !== undefined) return entry;
    }
    return undefined;
  }
}

/** `JSON.stringify` whose replacer sees each value as it was before its own `toJSON`, if any, was asked. */
export function stringify(
  value: unknown,
  replace: (original: unknown, own: unknown, name: string) => unknown,
): string | undefined {
  return JSON.stringify(value, function (this: Record<string, unknown>, name: string, own: unknown) {
    return replace(this[name], own, name);
  });
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}
