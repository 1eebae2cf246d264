/** One card for each node: how it is by its own word, who is there, and the button that kills it. */
import { faceOf, make } from '/log.js';

const lives = {
  starting: 'Starting',
  killed: 'Killed',
  ended: 'Not running',
};

const farewells = {
  starting: 'It finds the others, and learns what they know, before it lets bidders in.',
  killed: 'The others miss it after two seconds; until then no bid is confirmed. Its bidders go elsewhere.',
};

export class Cards {
  #place;
  #order;
  #cards = new Map();

  /** @param order (name, what) => promise of whether it was taken */
  constructor(place, order) {
    this.#place = place;
    this.#order = order;
  }

  /** Number of the node, as on the stage. */
  placeOf(name) {
    return Math.max(0, [...this.#cards.keys()].indexOf(name));
  }

  show(nodes) {
    for (const node of nodes) {
      const card = this.#cards.get(node.name) ?? this.#card(node, this.#cards.size);
      this.#cards.set(node.name, card);
      this.#update(card, node, nodes);
    }
  }

  #card({ name, url }, place) {
    const article = make('article', `node node-${place}`);
    const title = make('h2', '', name);
    title.id = `node-${name}`;
    article.setAttribute('aria-labelledby', title.id);
    const head = make('div', 'line-up');
    const life = make('p', 'life');
    head.append(title, life);
    const door = make('a', 'go', 'Open the auction here');
    Object.assign(door, { href: new URL('/', url).href, target: '_blank', rel: 'noopener' });
    const reason = make('p', 'reason');
    const people = make('ul', 'people');
    people.setAttribute('aria-label', `Bidders at ${name}`);
    const button = make('button', 'act');
    button.type = 'button';
    const foot = make('div', 'foot');
    foot.append(door, button);
    article.append(head, reason, people, foot);
    this.#place.append(article);
    const card = { article, life, reason, people, button, door, what: 'kill' };
    button.addEventListener('click', () => this.#press(card, name));
    return card;
  }

  async #press(card, name) {
    if (card.button.ariaBusy === 'true') return;
    card.button.ariaBusy = 'true';
    const taken = await this.#order(name, card.what).catch(() => false);
    card.button.ariaBusy = 'false';
    if (!taken) card.reason.textContent = 'The demo does not take this order any more.';
  }

  #update(card, { name, life, report, reason }, nodes) {
    const isOpen = report?.isOpen === true;
    const runs = life === 'running' || life === 'starting';
    card.article.dataset.life = isOpen ? 'open' : runs ? 'warming' : 'gone';
    card.life.textContent = lives[life] ?? (isOpen ? 'Open' : 'Warming up');
    const others = nodes.filter((one) => report?.members.includes(one.url)).map((one) => one.name);
    const known = others.length === 0 ? 'Knows no other node' : `Knows ${others.join(' and ')}`;
    const problems = (report?.links ?? []).flatMap(({ url, problem }) => {
      const other = nodes.find((one) => one.url === url)?.name ?? url;
      return problem === '' ? [] : [`Cannot reach ${other}: ${problem.replace(/ 127\.0\.0\.1:\d+$/, '')}`];
    });
    if (report && report.links.length === 0 && report.reason !== '') problems.push(report.reason);
    card.reason.textContent = report ? [known, ...problems].join('. ') : (farewells[life] ?? reason);
    card.people.replaceChildren(...(report?.bidders ?? []).map((who) => this.#person(who)));
    if (report && report.bidders.length === 0) card.people.append(make('li', 'nobody', 'No bidders'));
    card.door.hidden = !isOpen;
    card.what = runs ? 'kill' : 'start';
    card.button.classList.toggle('kill', runs);
    card.button.textContent = runs ? `Kill ${name}` : `Start ${name} again`;
  }

  #person(bidder) {
    const item = make('li');
    item.append(faceOf(bidder), make('span', '', bidder.name));
    return item;
  }
}
