/** The decorators that mean the same on both sides: what is a service, and the stages of its life. */
import { expectContext, isContext, recordCallback, recordService } from './bindings.ts';
import type { ServiceDecorator, StageDecorator } from './shapes.ts';

/** Marks a class as a service. On the server the name begins the id of its session; default the name of the class. */
export const Service: ServiceDecorator & ((name?: string) => ServiceDecorator) = ((
  first?: unknown,
  second?: unknown,
) => {
  const decorate =
    (name: string | undefined) =>
    (service: object, context: unknown): void => {
      const { name: className } = expectContext('Service', context, ['class']);
      recordService(service, name || String(className ?? 'service'));
    };
  if (isContext(second)) return decorate(undefined)(first as object, second);
  return decorate(first as string | undefined);
}) as ServiceDecorator & ((name?: string) => ServiceDecorator);

/** Calls the method when everything is bound; a promise makes `process` one. One in a class; superclasses come first. */
export const PostConstruct: StageDecorator = (method, context) => recordCallback('PostConstruct', method, context, {});

/** Calls the method when everything is unbound; what it throws is reported. One in a class; superclasses come last. */
export const PreDestroy: StageDecorator = (method, context) => recordCallback('PreDestroy', method, context, {});

/** One channel or several, as several. */
export function listOf(channels: string | readonly string[]): readonly string[] {
  return typeof channels === 'string' ? [channels] : channels;
}
