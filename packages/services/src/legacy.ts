/** Decorators as TypeScript calls them with `experimentalDecorators`, which other libraries still need: made to look standard. */
import type { Context } from './bindings.ts';

type Initializer = (this: unknown) => void;

// By prototype: there is no hook into the making of objects here, so it is done when somebody asks about one.
const initializers: WeakMap<object, readonly Initializer[]> = new WeakMap();
const initialized: WeakSet<object> = new WeakSet();

/** The context of a class, `[class]`, or of a member, `[prototype, name, descriptor]`; undefined when these are no such arguments. */
export function legacyContext([target, name, descriptor]: readonly unknown[]): Context | undefined {
  if (typeof target === 'function' && name === undefined) {
    return { kind: 'class', name: target.name, addInitializer: () => undefined };
  }
  if (!isName(name) || (typeof target !== 'object' && typeof target !== 'function') || target === null)
    return undefined;
  return {
    kind: kindOf(descriptor as PropertyDescriptor | undefined),
    name,
    static: typeof target === 'function',
    private: false,
    metadata: target,
    access: {
      get: (bean) => Reflect.get(bean, name),
      set: (bean, value) => {
        Reflect.set(bean, name, value);
      },
    },
    addInitializer: (initializer) => initializers.set(target, [...(initializers.get(target) ?? []), initializer]),
  };
}

/** Whether this is the second argument of such a decorator on a member. */
export function isName(value: unknown): value is string | symbol {
  return typeof value === 'string' || typeof value === 'symbol';
}

/** Does for an object what standard decorators do when it is made, superclass first; once. */
export function initialize(bean: object): void {
  if (initialized.has(bean)) return;
  initialized.add(bean);
  const all: Initializer[] = [];
  for (let proto = Object.getPrototypeOf(bean); proto !== null; proto = Object.getPrototypeOf(proto)) {
    all.unshift(...(initializers.get(proto) ?? []));
  }
  for (const initializer of all) initializer.call(bean);
}

function kindOf(descriptor: PropertyDescriptor | undefined): string {
  if (typeof descriptor?.value === 'function') return 'method';
  if (descriptor?.set) return 'setter';
  return descriptor?.get ? 'getter' : 'field';
}
