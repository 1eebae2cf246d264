/** What the processes of the cluster say to the one that started them, and the one thing it says to them. */
import type { LinkInfo } from '@cometd-ts/oort';
import type { Bidder } from '../auction/bid.ts';

/** Said once to a new process. */
export interface Settings {
  readonly port: number;
  /** URLs and names of all nodes; the own one is that of the port. */
  readonly names: Readonly<Record<string, string>>;
  readonly url: string;
  readonly way: Way;
}

/** What carries the cluster. */
export type Way =
  /** `secret` is what all nodes share. It goes this way so that no list of processes shows it. */
  | { readonly engine: 'mesh'; readonly secret: string }
  /** `servers` is the URL of NATS. */
  | { readonly engine: 'nats'; readonly servers: string };

/** A part of a distributed object, as one node knows it. */
export interface PartView {
  /** URL of the node whose part it is. */
  readonly url: string;
  readonly version: number;
  /** Amount by lot. */
  readonly bids: Readonly<Record<string, number>>;
}

/** How a node is, by its own word. */
export interface Report {
  readonly what: 'report';
  /** Whether bidders are let in. */
  readonly isOpen: boolean;
  readonly status: string;
  /** Why it is not up; empty when it is. */
  readonly reason: string;
  /** URLs of the nodes that have joined. */
  readonly members: readonly string[];
  /** Of the mesh; none on NATS. */
  readonly links: readonly LinkInfo[];
  /** The bidders it has. */
  readonly bidders: readonly Bidder[];
  /** Everybody it knows of, in the whole cluster. */
  readonly present: number;
  /** The map of the highest bids, part by part. */
  readonly parts: readonly PartView[];
}

/** Something has happened, as the node sees it. */
export interface Happened {
  readonly what: 'happened';
  /** In ms since 1970. */
  readonly at: number;
  readonly text: string;
}

/** The node could not begin. */
export interface Failed {
  readonly what: 'failed';
  readonly reason: string;
}

export type FromNode = Report | Happened | Failed;

export function isFromNode(message: unknown): message is FromNode {
  return typeof message === 'object' && message !== null && 'what' in message;
}
