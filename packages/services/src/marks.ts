/** The decorators that mean the same on both sides: what is a service, and the stages of its life. */
import { expectContext, recordCallback, recordService } from './bindings.ts';
import type { ServiceDecorator, StageDecorator } from './shapes.ts';

/** Marks a class as a service. On the server the name begins the id of its session; default the name of the class. */
export const Service: ServiceDecorator & ((name?: string) => ServiceDecorator) = ((...made: unknown[]) => {
  const decorate =
    (name: string) =>
    (...args: unknown[]): void => {
      const { name: className } = expectContext('Service', args, ['class']);
      recordService(args[0] as object, name || String(className ?? 'service'));
    };
  const [first] = made;
  return typeof first === 'function' ? decorate('')(...made) : decorate(`${first ?? ''}`);
}) as ServiceDecorator & ((name?: string) => ServiceDecorator);

/** Calls the method when everything is bound; a promise makes `process` one. One in a class; superclasses come first. */
export const PostConstruct: StageDecorator = (...args: unknown[]): void => recordCallback('PostConstruct', args, {});

/** Calls the method when everything is unbound; what it throws is reported. One in a class; superclasses come last. */
export const PreDestroy: StageDecorator = (...args: unknown[]): void => recordCallback('PreDestroy', args, {});

/** One channel or several, as several. */
export function listOf(channels: string | readonly string[]): readonly string[] {
  return typeof channels === 'string' ? [channels] : channels;
}
