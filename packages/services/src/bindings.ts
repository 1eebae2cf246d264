/** What decorators have written down about objects, and the ways to read it. */
import { initialize, isName, legacyContext } from './legacy.ts';

/** A field, an accessor, a setter or a method that is given a value. */
export interface Member {
  readonly name: string | symbol;
  /** Whether giving it a value runs code, which may look at the fields. */
  readonly isCode: boolean;
  /** Whether it has a value already, which is left alone then. */
  isSet(bean: object): boolean;
  set(bean: object, value: unknown): void;
}

/** What one decorator says about one member of an object. */
export type Binding =
  | { readonly kind: 'Inject'; readonly member: Member; readonly token: unknown }
  | { readonly kind: 'Session'; readonly member: Member; readonly which: 'local' | 'server' }
  | (Callback & {
      readonly kind: 'Configure';
      readonly channels: readonly string[];
      readonly errorIfExists: boolean;
      readonly configureIfExists: boolean;
    })
  | (Callback & {
      readonly kind: 'Listener';
      readonly channels: readonly string[];
      readonly receiveOwnPublishes: boolean;
    })
  | (Callback & { readonly kind: 'Subscription'; readonly channels: readonly string[] })
  | (Callback & { readonly kind: 'RemoteCall'; readonly channels: readonly string[]; readonly schema: unknown })
  | (Callback & { readonly kind: 'PostConstruct' })
  | (Callback & { readonly kind: 'PreDestroy' });

/** A method that is called by its name, so that what overrides it is called. */
interface Callback {
  readonly name: string | symbol;
  /** The function that was decorated: it tells the class that it stands in. */
  readonly declared: unknown;
  /** The same for all decorators of one method of one class, whatever other decorators between them make of it. */
  readonly place: unknown;
}

export type Kind = Binding['kind'];
type Of<K extends Kind> = Extract<Binding, { readonly kind: K }>;
type CallbackBinding = Extract<Binding, Callback>;
type MemberBinding = Exclude<Binding, Callback>;
type CallbackKind = CallbackBinding['kind'];

// Keyed by objects and classes that are the application's: what is forgotten there is forgotten here.
const bindings: WeakMap<object, readonly Binding[]> = new WeakMap();
const services: WeakMap<object, string> = new WeakMap();

/** What the compiler or a bundler hands to a decorator, as far as it is looked at here. */
export interface Context {
  readonly kind: string;
  readonly name: string | symbol | undefined;
  readonly static?: boolean;
  readonly private?: boolean;
  /** One object for a class: its prototype, for decorators of the old kind. TypeScript may leave it out. */
  readonly metadata?: object | undefined;
  readonly access?: { get?(bean: object): unknown; set?(bean: object, value: unknown): void };
  addInitializer(initializer: (this: unknown) => void): void;
}

function isContext(value: unknown): value is Context {
  return typeof value === 'object' && value !== null && 'kind' in value && 'addInitializer' in value;
}

/** Whether a decorator of a member was called as one, in the standard or the old way, and not with arguments to make one. */
export function isDecoration([, second]: readonly unknown[]): boolean {
  return isContext(second) || isName(second);
}

/** Throws `TypeError` unless a decorator stands where it may. `args` are those that it was called with. */
export function expectContext(kind: string, args: readonly unknown[], places: readonly string[]): Context {
  const context = isContext(args[1]) ? args[1] : legacyContext(args);
  if (!context) throw new TypeError(`@${kind} was not called as a decorator`);
  const where = `@${kind} on ${String(context.name)}`;
  if (!places.includes(context.kind)) throw new TypeError(`${where}: it belongs on a ${places.join(' or a ')}`);
  if (context.static) throw new TypeError(`${where}: it does not work on static members`);
  return context;
}

/** Writes down that a class is a service. */
export function recordService(service: object, name: string): void {
  services.set(service, name);
}

/** Writes a callback down for every object that is made. Throws `TypeError` for what is no public method. */
export function recordCallback<K extends CallbackKind>(
  kind: K,
  args: readonly unknown[],
  more: Omit<Of<K>, 'kind' | 'name' | 'declared' | 'place'>,
): void {
  const context = expectContext(kind, args, ['method']);
  if (context.private) throw new TypeError(`@${kind} on ${String(context.name)}: the method must be public`);
  const declared = isContext(args[1]) ? args[0] : (args[2] as PropertyDescriptor).value;
  // TypeScript has one such function for a method, the others have metadata always.
  const place = context.metadata ?? context.access?.get ?? declared;
  const binding = { kind, name: context.name, declared, place, ...more } as unknown as CallbackBinding;
  context.addInitializer(function (this: unknown): void {
    const bean = this as object;
    const others = bindingsOf(bean).filter((other) => !isOverridden(other, binding));
    bindings.set(bean, [...others, binding]);
  });
}

/** A class that overrides a method and decorates it again has the last word. */
function isOverridden(other: Binding, by: CallbackBinding): boolean {
  return other.kind === by.kind && 'place' in other && other.name === by.name && other.place !== by.place;
}

/** Writes a member down that is to be given a value. */
export function recordMember(
  kind: 'Inject' | 'Session',
  args: readonly unknown[],
  more: { token: unknown } | { which: string },
): void {
  const context = expectContext(kind, args, ['field', 'accessor', 'setter', 'method']);
  const { access = {}, name = '' } = context;
  const isMethod = context.kind === 'method';
  const member: Member = {
    name,
    isCode: isMethod || context.kind === 'setter',
    isSet: (bean) => !isMethod && access.get?.(bean) !== undefined && access.get(bean) !== null,
    set: (bean, value) => {
      if (!isMethod) return access.set?.(bean, value);
      const method = access.get?.(bean);
      if (typeof method !== 'function' || method.length !== 1) {
        throw new TypeError(`@${kind} on ${String(name)}: the method must take exactly one argument`);
      }
      method.call(bean, value);
    },
  };
  const binding = { kind, member, ...more } as Binding;
  context.addInitializer(function (this: unknown): void {
    const bean = this as object;
    bindings.set(bean, [...bindingsOf(bean), binding]);
  });
}

/** Name of the service that an object is, from its class or the nearest one above that has one; undefined if it is none. */
export function serviceNameOf(bean: object): string | undefined {
  for (let proto = Object.getPrototypeOf(bean); proto !== null; proto = Object.getPrototypeOf(proto)) {
    const maker: unknown = proto.constructor;
    const name = typeof maker === 'function' ? services.get(maker) : undefined;
    if (name !== undefined) return name;
  }
  return undefined;
}

/** All that is written down about an object: of its superclasses first, in the order of the members. */
export function bindingsOf(bean: object): readonly Binding[];
export function bindingsOf<K extends Kind>(bean: object, kind: K): readonly Of<K>[];
export function bindingsOf(bean: object, kind?: Kind): readonly Binding[] {
  initialize(bean);
  const all = bindings.get(bean) ?? [];
  return kind === undefined ? all : all.filter((binding) => binding.kind === kind);
}

/** The members that are to be given a value: those that run code last. */
export function membersOf<K extends 'Inject' | 'Session'>(bean: object, kind: K): readonly Of<K>[] {
  const all = bindingsOf(bean, kind);
  const runsCode = (binding: Of<K>): boolean => (binding as MemberBinding).member.isCode;
  return [...all.filter((one) => !runsCode(one)), ...all.filter(runsCode)];
}

/**
 * Answers a function that calls a callback's method. Throws `TypeError` when the object has none of that name, or when it
 * wants more arguments than `args` names.
 */
export function methodOf(
  bean: object,
  { kind, name }: CallbackBinding,
  args: readonly string[],
): (...values: unknown[]) => unknown {
  const method = (bean as Readonly<Record<string | symbol, unknown>>)[name];
  const where = `${bean.constructor.name}.${String(name)}`;
  if (typeof method !== 'function') throw new TypeError(`@${kind}: ${where} is not a method`);
  if (method.length > args.length) {
    const may = args.length === 0 ? 'no arguments' : `at most ${args.join(', ')}`;
    throw new TypeError(`@${kind}: ${where} takes ${method.length} arguments; it may take ${may}`);
  }
  return (...values) => method.apply(bean, values);
}

/** The class, as its prototype, that a callback stands in; undefined when other decorators have replaced the method. */
function classOf(bean: object, callback: Callback): object | undefined {
  for (let proto = Object.getPrototypeOf(bean); proto !== null; proto = Object.getPrototypeOf(proto)) {
    if (Object.getOwnPropertyDescriptor(proto, callback.name)?.value === callback.declared) return proto;
  }
  return undefined;
}

/** The methods of one stage of an object's life, superclass first. Throws `TypeError` for two in one class. */
export function stagesOf(bean: object, kind: 'PostConstruct' | 'PreDestroy'): readonly (() => unknown)[] {
  const all: readonly Extract<Binding, { kind: 'PostConstruct' | 'PreDestroy' }>[] = bindingsOf(bean, kind);
  const classes = all.map((binding) => classOf(bean, binding)).filter((one) => one !== undefined);
  if (new Set(classes).size < classes.length) {
    throw new TypeError(`${bean.constructor.name} has more than one method with @${kind} in one class`);
  }
  return all.map((binding) => methodOf(bean, binding, []));
}
