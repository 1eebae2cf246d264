/** The service of the cluster that decides about bids: a node asks the one in charge of the lot, and that asks the ledger. */
import { type Answer, type Oort, OortService, OortServiceError, type ServiceRequest, success } from '@cometd-ts/oort';
import { chain, type Maybe } from '@cometd-ts/protocol';
import { type Bid, type Bidder, isAbove, leastAfter, mostCoins, trailAfter } from './bid.ts';
import { type Lot, lotOf } from './catalogue.ts';
import { inChargeOf } from './charge.ts';
import { Colleagues } from './colleagues.ts';
import type { Fate, Ledger } from './ledger.ts';

/** A bid as it is offered. The id is the bidder's: offered twice, it is one bid. */
export interface Offer {
  readonly id: string;
  readonly lot: string;
  readonly amount: number;
  readonly bidder: Bidder;
  /** URL of the node the bidder is at. */
  readonly node: string;
}

/**
 * What becomes of an offer. `least` is the least that would do now.
 * `low`: under that · `outbid`: another one was faster · `leading`: the bidder is the highest already · `high`: over what anybody has ·
 * `lot`: no such lot · `unsure`: the nodes do not answer; the price will tell.
 */
export type Verdict =
  | { readonly confirmed: Bid }
  | { readonly refused: 'low' | 'outbid' | 'leading' | 'high' | 'lot' | 'unsure'; readonly least: number };

/** How long the node in charge may take, and how long all of it may, in ms. */
const times = { answer: 5_000, all: 20_000 } as const;

export class Bidding extends OortService<Offer, Verdict> {
  readonly #ledger: Ledger;
  readonly #colleagues: Colleagues;
  /** Called by the node in charge for each bid that was confirmed there. */
  readonly #confirmed: (bid: Bid) => void;

  constructor(
    oort: Oort,
    ledger: Ledger,
    confirmed: (bid: Bid) => void,
    colleagues: Colleagues = new Colleagues(oort),
  ) {
    super(oort, 'auction-bidding', { timeout: times.answer });
    this.#ledger = ledger;
    this.#confirmed = confirmed;
    this.#colleagues = colleagues;
  }

  /** Has the offer decided by whoever is in charge, and by the next one if that is lost on the way. */
  async place(offer: Offer): Promise<Verdict> {
    const until = performance.now() + times.all;
    while (performance.now() < until) {
      const target = inChargeOf(offer.lot, this.#colleagues.all);
      try {
        return await this.call(target, offer);
      } catch (error) {
        if (!(error instanceof OortServiceError) || !again.has(error.code)) throw error;
        if (error.code === 'unreachable') await this.#news();
      }
    }
    return refused('unsure', offer.lot, this.#ledger.highest(offer.lot));
  }

  protected override onForward({ parameter: offer }: ServiceRequest<Offer>): Maybe<Answer<Verdict>> {
    return chain(this.#decide(offer), (verdict) => success(verdict));
  }

  #decide(offer: Offer): Maybe<Verdict> {
    const lot = lotOf(offer.lot);
    const highest = this.#ledger.highest(offer.lot);
    if (!lot) return refused('lot', offer.lot, highest);
    const isHere = highest?.id === offer.id;
    // It came here before, by another node or another time, and somebody was higher since.
    if (highest?.trail.some(({ id }) => id === offer.id)) return refused('outbid', offer.lot, highest);
    const bid = isHere ? highest : this.#bid(offer, highest);
    const why = isHere ? undefined : objection(bid, lot, highest);
    if (why) return refused(why, offer.lot, highest);
    return chain(this.#ledger.enter(bid), (fate) => this.#verdict(bid, fate));
  }

  #bid({ id, lot, amount, bidder, node }: Offer, highest: Bid | undefined): Bid {
    return { id, lot, amount, bidder, node, at: Date.now(), trail: trailAfter(highest) };
  }

  #verdict(bid: Bid, fate: Fate): Verdict {
    if (fate !== 'confirmed') return refused(fate, bid.lot, this.#ledger.highest(bid.lot));
    this.#confirmed(bid);
    return { confirmed: bid };
  }

  /** Resolves when a node comes, goes, or a while has passed. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        for (const registration of registrations) registration.remove();
        resolve();
      };
      const timer = setTimeout(done, 500);
      const registrations = (['cometJoined', 'cometLeft'] as const).map((name) => this.oort.addListener(name, done));
    });
  }
}

/** After these another node, or the same one, is asked: the id makes twice the same as once. */
const again: ReadonlySet<string> = new Set(['timeout', 'left', 'unreachable']);

function objection(bid: Bid, lot: Lot, highest: Bid | undefined): 'leading' | 'low' | 'high' | undefined {
  if (highest?.bidder.id === bid.bidder.id) return 'leading';
  if (bid.amount > mostCoins) return 'high';
  if (bid.amount < leastAfter(lot, highest) || !isAbove(bid, highest)) return 'low';
  return undefined;
}

function refused(why: Extract<Verdict, { refused: string }>['refused'], id: string, highest: Bid | undefined): Verdict {
  const lot = lotOf(id);
  return { refused: why, least: lot ? leastAfter(lot, highest) : 0 };
}
