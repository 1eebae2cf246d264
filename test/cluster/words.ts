/** What a test and the node it has started say to each other. */
import type { NatsOptions } from '@cometd-ts/oort/nats';
import type { ServerOptions } from '@cometd-ts/server';

/** How a node starts. */
export interface Plan {
  /** 0 for any. */
  readonly port: number;
  readonly channels: readonly string[];
  /** Where other nodes are reached, when that is not their URL. */
  readonly addresses: Record<string, string>;
  readonly server: ServerOptions;
  /** With this, its engine is the one on NATS, otherwise the mesh. */
  readonly nats?: NatsOptions;
}

export interface Request {
  readonly id: number;
  readonly deed: string;
  readonly args: readonly unknown[];
}

export type Report =
  | { readonly event: 'ready'; readonly url: string; readonly id: string }
  | { readonly event: 'done'; readonly id: number; readonly value: unknown }
  | { readonly event: 'failed'; readonly id: number; readonly reason: string }
  | { readonly event: 'joined' | 'left'; readonly url: string; readonly id: string }
  | { readonly event: 'present' | 'absent'; readonly user: string; readonly url: string }
  | { readonly event: 'message'; readonly user: string; readonly data: unknown };
