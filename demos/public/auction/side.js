/** The side of the page: categories, bidders with the nodes they are at, and the drawer they are in on a phone. */
import { faceOf, make } from '/log.js';

export class Side {
  #parts;

  /** @param parts { side, hall, veil, menu, close, categories, bidders, count, choose } */
  constructor(parts) {
    this.#parts = parts;
    const { menu, close, veil, side } = parts;
    menu.addEventListener('click', () => this.#open(true));
    close.addEventListener('click', () => this.#open(false));
    veil.addEventListener('click', () => this.#open(false));
    side.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && side.classList.contains('open')) this.#open(false);
    });
  }

  /** @param chosen id of a category, undefined for all */
  showCategories(categories, lots, chosen) {
    const all = { id: undefined, title: 'All lots' };
    const items = [all, ...categories].map((category) => {
      const count = lots.filter((lot) => category.id === undefined || lot.category === category.id).length;
      const button = make('button');
      button.type = 'button';
      button.append(make('span', 'label', category.title), make('span', 'note', String(count)));
      if (category.id === chosen) button.setAttribute('aria-current', 'true');
      button.addEventListener('click', () => {
        this.close();
        this.#parts.choose(category);
      });
      const item = make('li');
      item.append(button);
      return item;
    });
    const { categories: list } = this.#parts;
    const focused = [...list.querySelectorAll('button')].indexOf(document.activeElement);
    list.replaceChildren(...items);
    list.querySelectorAll('button')[focused]?.focus();
  }

  /** @param nameOf tells the name of a node by its URL */
  showBidders(bidders, me, nameOf) {
    const items = bidders.map((bidder) => {
      const isMe = bidder.id === me.id;
      const item = make('li');
      const line = make('span', 'me');
      const who = make('span', 'label', bidder.name);
      if (isMe) who.append(make('span', 'own', ' (you)'));
      line.append(faceOf(bidder), who, make('span', 'note', bidder.nodes.map(nameOf).join(', ')));
      item.append(line);
      return item;
    });
    this.#parts.bidders.replaceChildren(...items);
    this.#parts.count.textContent = String(bidders.length);
  }

  close() {
    this.#open(false);
  }

  #open(open) {
    const { side, hall, veil, menu, close } = this.#parts;
    if (side.classList.contains('open') === open) return;
    side.classList.toggle('open', open);
    veil.hidden = !open;
    hall.inert = open;
    menu.setAttribute('aria-expanded', String(open));
    (open ? close : menu).focus();
  }
}
