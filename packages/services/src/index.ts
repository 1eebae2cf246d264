/** Services for a Bayeux server. */

export { AbstractService, type ServiceMethod } from './abstract-service.ts';
export type { TurnOptions } from './turns.ts';
