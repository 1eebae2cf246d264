/** The conversation on the screen. Whatever people wrote enters as text, never as markup. */
import { hueOf, initials, refusals, timeOf } from './words.js';

const sameBreath = 3 * 60_000;

// What waits or is in doubt goes out again by itself when the line is back: the key makes twice the same as once.
const fates = {
  sending: () => '',
  waiting: () => 'Not sent yet. It goes out when the connection is back.',
  unsure: () => 'Perhaps sent: the connection broke before the server answered.',
  failed: ({ why }) => `Not sent: ${refusals[why] ?? 'the server refused it'}.`,
};

/** An element with a class and text. */
export function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function faceOf({ id, name }) {
  const face = make('span', `face ${hueOf(id)}`, initials(name));
  face.setAttribute('aria-hidden', 'true');
  return face;
}

export class Log {
  #list;
  #scroll;
  #newer;
  #again;
  #last;

  /** @param again called with the entry somebody wants to send again */
  constructor({ list, scroll, newer, again }) {
    this.#list = list;
    this.#scroll = scroll;
    this.#newer = newer;
    this.#again = again;
    newer.addEventListener('click', () => this.#toEnd());
    scroll.addEventListener('scroll', () => {
      if (this.#isAtEnd()) newer.hidden = true;
    });
    // A keyboard that comes up on a phone makes the room smaller; the last words stay in sight.
    let height = scroll.clientHeight;
    new ResizeObserver(() => {
      const grown = scroll.clientHeight - height;
      height = scroll.clientHeight;
      if (this.#isAtEnd(Math.abs(grown) + 80)) this.#toEnd();
    }).observe(scroll);
  }

  /** Shows another conversation. Screen readers are not read a whole history. */
  show(entries, me) {
    this.#list.setAttribute('aria-live', 'off');
    this.#list.replaceChildren();
    this.#last = undefined;
    for (const entry of entries) this.#append(entry, me);
    this.#toEnd();
    requestAnimationFrame(() => this.#list.setAttribute('aria-live', 'polite'));
  }

  add(entry, me) {
    const stay = this.#isAtEnd() || entry.from?.id === me.id;
    this.#append(entry, me);
    if (stay) this.#toEnd();
    else this.#newer.hidden = false;
  }

  /** The fate of an entry has changed. */
  update(entry) {
    const { node, fate } = entry;
    if (!node) return;
    if (fate) node.dataset.fate = fate;
    else delete node.dataset.fate;
    const stay = this.#isAtEnd();
    const line = node.querySelector('.fate');
    line.textContent = fate ? fates[fate](entry) : '';
    if (line.textContent !== '') {
      const again = make('button', '', 'Try again');
      again.type = 'button';
      again.addEventListener('click', () => this.#again(entry));
      line.append(again);
    }
    if (stay) this.#toEnd();
  }

  #append(entry, me) {
    entry.node = entry.news === undefined ? this.#said(entry, me) : make('p', `news ${entry.tone ?? ''}`, entry.news);
    this.#list.append(entry.node);
    this.#last = entry;
    if (entry.fate) this.update(entry);
  }

  #said(entry, me) {
    const { from, to, text, at } = entry;
    const mine = from.id === me.id;
    const last = this.#last;
    const same = last?.from?.id === from.id && last.to?.id === to?.id && at - last.at < sameBreath;
    const node = make('article', 'said');
    node.classList.toggle('mine', mine);
    node.classList.toggle('whisper', to !== undefined);
    node.classList.toggle('same', same);
    const who = make('p', `who ${hueOf(from.id)}`);
    who.append(mine ? make('span', 'away', 'You') : make('span', 'name', from.name));
    if (to) who.append(make('span', same ? 'away' : 'aside', mine ? `privately to ${to.name}` : 'privately to you'));
    const time = make('time', '', timeOf(at));
    time.dateTime = new Date(at).toISOString();
    who.append(time);
    node.append(faceOf(from), who, make('div', 'bubble', text), make('p', 'fate'));
    return node;
  }

  #isAtEnd(slack = 80) {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight <= slack;
  }

  #toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#newer.hidden = true;
  }
}
