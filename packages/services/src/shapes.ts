/** The types of decorators: where they may stand, and what they make the compiler object to. */

type Instance = { readonly static: false };
type Public = Instance & { readonly private: false };

/** Nothing, when a member of type `Value` can hold a `T`; else what no context can be. */
export type CanHold<T, Value> = [T] extends [Value] ? unknown : { readonly 'cannot hold': T };

/** Stands before a class. */
export type ServiceDecorator = (
  service: abstract new (...args: never[]) => object,
  context?: ClassDecoratorContext,
) => void;

/** Stands before a public method that can be called like `Shape`. */
export interface MethodDecorator<Shape extends (...args: never[]) => unknown> {
  (method: Shape, context: ClassMethodDecoratorContext & Public): void;
  /** With `experimentalDecorators`. */
  <Method extends Shape>(prototype: object, name: string | symbol, descriptor: TypedPropertyDescriptor<Method>): void;
}

/** Stands before a public method without arguments that answers nothing, or a promise of nothing. */
export type StageDecorator = MethodDecorator<() => undefined | void | PromiseLike<void>>;

/** Stands before a member that a `T` can be given to. */
export interface InjectDecorator<T> {
  <This extends object, Value>(
    field: undefined,
    context: ClassFieldDecoratorContext<This, Value> & Instance & CanHold<T, Value>,
  ): void;
  <This extends object, Value>(
    accessor: ClassAccessorDecoratorTarget<This, Value>,
    context: ClassAccessorDecoratorContext<This, Value> & Instance & CanHold<T, Value>,
  ): void;
  <This extends object, Value>(
    setter: (value: Value) => void,
    context: ClassSetterDecoratorContext<This, Value> & Instance & CanHold<T, Value>,
  ): void;
  <This extends object, Value>(
    method: (value: Value) => unknown,
    context: ClassMethodDecoratorContext<This, (value: Value) => unknown> & Instance & CanHold<T, Value>,
  ): void;
  /** With `experimentalDecorators`, which tells nothing of the member's type. */
  (prototype: object, name: string | symbol, descriptor?: PropertyDescriptor): void;
}
