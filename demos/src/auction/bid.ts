/** One bid, what makes it higher than another, and the least that the next one must be. */
import { type Lot, lotOf } from './catalogue.ts';

/** A bidder as others see them. The id is made of a secret that only their page has. */
export interface Bidder {
  readonly id: string;
  readonly name: string;
}

/** A bid that was the highest before. */
export interface Past {
  readonly id: string;
  readonly bidder: Bidder;
  readonly amount: number;
  readonly at: number;
}

export interface Bid extends Past {
  /** Lot it is for. */
  readonly lot: string;
  /** URL of the node the bidder was at. */
  readonly node: string;
  /** What it was built on: the last ones first. */
  readonly trail: readonly Past[];
}

/** How many past bids one bid carries. */
export const trailLength = 5;
/** No bid is higher than this. */
export const mostCoins = 1_000_000;

/**
 * Whether a bid takes the place of another. All nodes must answer the same whichever they heard of first, so that two bids
 * of one amount have an order, too: that of their ids.
 */
export function isAbove(bid: Bid, other: Bid | undefined): boolean {
  if (!other) return true;
  return bid.amount === other.amount ? bid.id > other.id : bid.amount > other.amount;
}

/** The least the next bid must be. */
export function leastAfter({ start }: Lot, highest: Bid | undefined): number {
  if (!highest) return start;
  const { amount } = highest;
  return amount + (amount < 100 ? 5 : amount < 500 ? 10 : amount < 2000 ? 25 : 100);
}

/** The highest bid for a lot, as bidders see it. */
export interface Standing extends Bid {
  /** The least the next bid must be. */
  readonly least: number;
}

export function standingOf(bid: Bid): Standing {
  const lot = lotOf(bid.lot);
  return { ...bid, least: lot ? leastAfter(lot, bid) : 0 };
}

/** The trail of a bid that follows on `highest`. */
export function trailAfter(highest: Bid | undefined): readonly Past[] {
  if (!highest) return [];
  const { id, bidder, amount, at, trail } = highest;
  return [{ id, bidder, amount, at }, ...trail].slice(0, trailLength);
}

/** A bid as another node has sent it. Throws `TypeError` for what is none. */
export function readBid(value: unknown): Bid {
  const bid = value as Bid;
  const isBid =
    isPast(bid) &&
    typeof bid.lot === 'string' &&
    typeof bid.node === 'string' &&
    Array.isArray(bid.trail) &&
    bid.trail.every(isPast);
  if (!isBid) throw new TypeError('A bid was expected');
  return bid;
}

function isPast(value: unknown): value is Past {
  if (typeof value !== 'object' || value === null) return false;
  const { id, amount, at, bidder } = value as Partial<Past>;
  return (
    typeof id === 'string' &&
    Number.isSafeInteger(amount) &&
    typeof at === 'number' &&
    typeof bidder === 'object' &&
    bidder !== null &&
    typeof bidder.id === 'string' &&
    typeof bidder.name === 'string'
  );
}
