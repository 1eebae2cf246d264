/** A cluster of Bayeux servers. */

export type { Comets, Engine, EngineNode, EngineStatus, Member } from './engine.ts';
export { hasComets } from './engine.ts';
export { Oort, type OortEvents, type OortOptions } from './oort.ts';
export {
  type Answer,
  failure,
  ignore,
  OortServiceError,
  type ServiceErrorCode,
  success,
} from './service/answer.ts';
export { OortService, type OortServiceOptions, type ServiceRequest } from './service/service.ts';
export { type PresenceEvent, Seti, type SetiEvents } from './seti/seti.ts';
export { Tap } from './tap.ts';
