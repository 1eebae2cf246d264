/** Services for a Bayeux client, in browsers and in Node.js. */

export { type ClientDecorator, Listener, type MessageMethod, Session, Subscription } from './client/decorators.ts';
export type { Client, TypedClient } from './client/face.ts';
export { ClientAnnotationProcessor, type ClientProcessorOptions } from './client/processor.ts';
export { PostConstruct, PreDestroy, Service } from './marks.ts';
export type { MethodDecorator, ServiceDecorator, StageDecorator } from './shapes.ts';
export type { ParamsOf } from './template.ts';
