/** A cluster of Bayeux servers. */

export type { Comets, Engine, EngineNode, EngineStatus, LinkInfo, Links, Member } from './engine.ts';
export { hasComets, hasLinks } from './engine.ts';
export { type ClusterMetric, clusterMetrics } from './metrics.ts';
export { type MovingOptions, movingEngine } from './moving.ts';
export type { Long } from './object/exact.ts';
export { type Factory, OortObjectFactories } from './object/factories.ts';
export type { Change, Info, Items } from './object/info.ts';
export { type ElementEvents, OortList, type OortListOptions } from './object/list.ts';
export { OortLong } from './object/long.ts';
export {
  type Entry,
  type EntryEvents,
  OortLongMap,
  OortMap,
  type OortMapOptions,
  OortStringMap,
} from './object/map.ts';
export { type Merger, OortObjectMergers } from './object/mergers.ts';
export { OortObject, type OortObjectEvents } from './object/object.ts';
export { Oort, type OortEvents, type OortOptions } from './oort.ts';
export {
  AddressError,
  type AddressErrorCode,
  type Addresses,
  type Bucket,
  type BucketEntry,
  BucketError,
  type BucketErrorCode,
  type BucketOptions,
  type Buckets,
  type Watcher,
} from './powers.ts';
export {
  type Answer,
  failure,
  ignore,
  OortServiceError,
  type ServiceErrorCode,
  success,
} from './service/answer.ts';
// The names of older books.
export {
  type ElectionOptions,
  OortPrimaryService,
  OortPrimaryService as OortMasterService,
  type OortPrimaryServiceEvents,
  type OortPrimaryServiceOptions,
} from './service/primary.ts';
export {
  OortPrimaryLong,
  OortPrimaryLong as OortMasterLong,
  type OortPrimaryLongOptions,
} from './service/primary-long.ts';
export {
  anyNode,
  OortService,
  type OortServiceOptions,
  type ServiceRequest,
  type ServiceTarget,
} from './service/service.ts';
export { SetiError } from './seti/routing.ts';
export { type PresenceEvent, Seti, type SetiEvents, type SetiOptions, type WatchEvent } from './seti/seti.ts';
export { Tap } from './tap.ts';
