/** The lots on the screen: what each costs, who leads, and the place to bid. */
import { faceOf, make } from '/log.js';
import { Refusal } from './line.js';
import { coins, figure, refusals } from './phrases.js';

const svg = 'http://www.w3.org/2000/svg';

export class Lots {
  #place;
  #bid;
  #cards = new Map();
  #me;

  /** @param place element for the cards @param bid makes a bid: (lot, amount) => promise */
  constructor(place, bid) {
    this.#place = place;
    this.#bid = bid;
  }

  /** Takes over the whole catalogue, and how it stands. Cards that are there stay, with what was typed in them. */
  show(lots, standings, me) {
    this.#me = me;
    for (const lot of lots) {
      if (this.#cards.has(lot.id)) continue;
      const card = this.#card(lot);
      this.#cards.set(lot.id, card);
      this.#place.append(card.node);
    }
    const standing = new Map(standings.map((one) => [one.lot, one]));
    for (const [id, card] of this.#cards) this.#stand(card, standing.get(id));
  }

  /** @param category undefined for all */
  filter(category) {
    for (const { node, lot } of this.#cards.values()) node.hidden = category !== undefined && lot.category !== category;
  }

  titleOf(id) {
    return this.#cards.get(id)?.lot.title ?? id;
  }

  /** A lot has a new highest bid. False when that is known already. */
  stand(standing) {
    const card = this.#cards.get(standing.lot);
    if (!card || card.standing?.id === standing.id) return false;
    this.#stand(card, standing);
    card.node.classList.remove('fresh');
    // Read in between, so that the same movement begins anew.
    void card.node.offsetWidth;
    card.node.classList.add('fresh');
    return true;
  }

  outbid({ lot, amount, by }) {
    const card = this.#cards.get(lot);
    if (card && !card.isBusy) this.#say(card, `${by.name} has overbid you with ${coins(amount)}.`, 'bad');
  }

  #card(lot) {
    const node = make('article', 'lot');
    const title = make('h2', '', lot.title);
    title.id = `title-${lot.id}`;
    node.setAttribute('aria-labelledby', title.id);
    const plate = make('div', `plate ${lot.category}`);
    plate.append(pictureOf(lot.id));
    const price = make('p', 'price');
    const trail = make('details', 'trail');
    const form = make('form', 'offer');
    form.noValidate = true;
    const input = make('input');
    Object.assign(input, { type: 'number', id: `bid-${lot.id}`, inputMode: 'numeric', step: '1', autocomplete: 'off' });
    const label = make('label', 'away', `Your bid for ${lot.title}, in coins`);
    label.htmlFor = input.id;
    const button = make('button', 'primary', 'Bid');
    const word = make('p', 'word');
    word.setAttribute('role', 'status');
    form.append(label, input, button);
    const facts = make('div', 'facts');
    facts.append(title, make('p', 'about', lot.about), price, trail, form, word);
    node.append(plate, facts);
    const card = { lot, node, price, trail, input, button, word, standing: undefined, least: lot.start, isBusy: false };
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#offer(card);
    });
    return card;
  }

  async #offer(card) {
    if (card.isBusy) return;
    const amount = Number(card.input.value);
    if (!Number.isSafeInteger(amount) || amount <= 0) return this.#say(card, refusals.amount, 'bad');
    this.#busy(card, true);
    this.#say(card, 'Asking all nodes.', 'wait');
    try {
      await this.#bid(card.lot.id, amount);
      this.#say(card, `Your ${coins(amount)} are known on every node.`, 'good');
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.least > card.least) this.#leastIs(card, error.least);
      const least = ['low', 'outbid'].includes(error.reason) ? ` ${coins(card.least)} would do.` : '';
      this.#say(card, `${refusals[error.reason] ?? 'The auction does not take this bid.'}${least}`, 'bad');
    } finally {
      this.#busy(card, false);
    }
  }

  #busy(card, is) {
    card.isBusy = is;
    card.button.ariaBusy = String(is);
  }

  #say({ word }, text, tone) {
    word.textContent = text;
    word.dataset.tone = tone;
  }

  #leastIs(card, least) {
    const { input } = card;
    // What somebody typed stays, as long as it would do.
    const isTyped = input.value !== '' && input.value !== String(card.least) && Number(input.value) >= least;
    card.least = least;
    input.min = String(least);
    if (!isTyped) input.value = String(least);
  }

  #stand(card, standing) {
    const { price, trail, lot, node } = card;
    card.standing = standing;
    this.#leastIs(card, standing?.least ?? lot.start);
    const isMine = standing?.bidder.id === this.#me.id;
    node.classList.toggle('mine-now', isMine);
    const amount = make('span', 'amount', figure(standing?.amount ?? lot.start));
    const by = make('span', 'by');
    if (standing) {
      by.append(faceOf(standing.bidder), make('span', 'name', isMine ? 'You lead' : `${standing.bidder.name} leads`));
    } else by.append(make('span', 'none', 'No bid yet'));
    price.replaceChildren(amount, make('span', 'unit', standing ? 'coins' : 'coins to start'), by);
    const past = standing?.trail ?? [];
    trail.hidden = past.length === 0;
    const list = make('ol');
    for (const { bidder, amount } of past)
      list.append(make('li', '', `${coins(amount)}, ${bidder.id === this.#me.id ? 'you' : bidder.name}`));
    trail.replaceChildren(
      make('summary', '', past.length === 1 ? 'The bid before' : `The ${past.length} bids before`),
      list,
    );
  }
}

function pictureOf(id) {
  const picture = document.createElementNS(svg, 'svg');
  const use = document.createElementNS(svg, 'use');
  picture.setAttribute('viewBox', '0 0 56 56');
  picture.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `/lots.svg#${id}`);
  picture.append(use);
  return picture;
}
