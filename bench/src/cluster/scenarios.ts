/** Who forms the clusters, what is published in them, and what there is when two nodes meet. */

import type { MiddleKind } from './middle.ts';

/**
 * `java` is CometD for Java; `-no-ack` has links that do not confirm what they get; `nats` is ours on NATS; `socket.io` has its
 * Redis adapter.
 */
export type ClusterName = 'ours' | 'ours-no-ack' | 'java' | 'java-no-ack' | 'nats' | 'socket.io';

export const clusterNames: readonly ClusterName[] = ['ours', 'java', 'ours-no-ack', 'java-no-ack', 'nats', 'socket.io'];

export const isJava = (name: ClusterName): boolean => name.startsWith('java');
/** What stands between its nodes. */
export const middleOf = (name: ClusterName): MiddleKind | null =>
  name === 'nats' ? 'nats' : name === 'socket.io' ? 'redis' : null;
/** Whether its nodes have users and objects. */
export const hasState = (name: ClusterName): boolean => name !== 'socket.io';
export const hasAck = (name: ClusterName): boolean => !name.endsWith('-no-ack');

/** A client of the first node publishes; every node has subscribers. */
export interface Traffic {
  readonly name: 'one' | 'ten' | 'paced' | 'rooms';
  readonly title: string;
  /** Publishes that have not reached all subscribers of all nodes. */
  readonly inFlight?: number;
  /** Publishes in a second, whatever has arrived. */
  readonly rate?: number;
  /** Each message goes to as many rooms; the subscribers of all nodes are in the first one. */
  readonly rooms?: number;
}

export const traffics: readonly Traffic[] = [
  { name: 'one', title: 'one message in flight', inFlight: 1 },
  { name: 'ten', title: 'ten messages in flight', inFlight: 10 },
  { name: 'paced', title: '500 messages a second', rate: 500 },
  { name: 'rooms', title: 'ten rooms, subscribers in one of them', inFlight: 1, rooms: 10 },
];

/** Whether a cluster can show it: nodes of others observe one channel, or know no channels. */
export const canCarry = (name: ClusterName, { rooms }: Traffic): boolean =>
  rooms === undefined || name.startsWith('ours') || name === 'nats';

export const roomOf = (number: number): string => `/rooms/${number}`;

/** Subscribers of each node. */
export const SUBSCRIBERS = 10;
export const MOST_NODES = 3;

/** What each of two nodes has when they meet: entries of a map, or users. */
export interface Meeting {
  readonly name: string;
  readonly what: 'entries' | 'users';
  readonly count: number;
}

export const meetings: readonly Meeting[] = [
  { name: 'map-10', what: 'entries', count: 10 },
  { name: 'map-10k', what: 'entries', count: 10_000 },
  { name: 'map-100k', what: 'entries', count: 100_000 },
  { name: 'users-1', what: 'users', count: 1 },
  { name: 'users-10k', what: 'users', count: 10_000 },
  { name: 'users-100k', what: 'users', count: 100_000 },
  { name: 'users-200k', what: 'users', count: 200_000 },
];

/** Users who come and go at once, for the cost of one change. */
export const CHANGES = 2_000;
