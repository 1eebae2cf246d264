/** Services for a Bayeux server. */

export { AbstractService, type ServiceMethod } from './abstract-service.ts';
export type { CallMethod, CallOutcome, MethodOf, TargetOf } from './contract.ts';
export type {
  ConfigureOptions,
  InjectFactory,
  ListenerOptions,
  RemoteCallOptions,
  SessionFactory,
  Token,
  TypedRemoteCall,
} from './decorators.ts';
export {
  Configure,
  Inject,
  Listener,
  PostConstruct,
  PreDestroy,
  RemoteCall,
  remoteCalls,
  Service,
  Session,
  Subscription,
} from './decorators.ts';
export { type ProcessorOptions, ServerAnnotationProcessor } from './processor.ts';
export { type Caller, CallFailure } from './remote-call.ts';
export { InvalidDataError, type Schema, type SchemaResult } from './schema.ts';
export type { InjectDecorator, MethodDecorator, ServiceDecorator, StageDecorator } from './shapes.ts';
export type { ParamsOf } from './template.ts';
export type { TurnOptions } from './turns.ts';
