/** The side of the page: rooms, people, and the drawer they are in on a phone. */
import { faceOf, make } from './log.js';

export class Side {
  #parts;
  #people = new Map();
  #rooms = new Set(['lobby', 'kitchen', 'garden']);

  /** @param parts { side, talk, veil, menu, close, rooms, people, count, goTo, choose } */
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

  /** Lists the rooms with the one we are in. */
  showRooms(here) {
    this.#rooms.add(here);
    const { rooms, goTo } = this.#parts;
    const items = [...this.#rooms].map((room) => {
      const item = make('li');
      const button = make('button');
      button.type = 'button';
      const hash = make('span', 'hash', '#');
      hash.setAttribute('aria-hidden', 'true');
      button.append(hash, make('span', 'label', room));
      if (room === here) button.setAttribute('aria-current', 'true');
      button.addEventListener('click', () => {
        this.#open(false);
        if (room !== here) goTo(room);
      });
      item.append(button);
      return item;
    });
    rooms.replaceChildren(...items);
  }

  /** Lists the people. Who stays keeps their element, so that the focus is not lost on it. */
  showPeople(members, me, chosen) {
    const { people, count } = this.#parts;
    const there = new Map(members.map((member) => [member.id, member]));
    for (const [id, item] of this.#people) {
      if (there.get(id)?.name === item.dataset.name) continue;
      item.remove();
      this.#people.delete(id);
    }
    for (const member of members) {
      if (this.#people.has(member.id)) continue;
      const item = member.id === me.id ? this.#myself(member) : this.#person(member);
      item.dataset.name = member.name;
      this.#people.set(member.id, item);
      people.append(item);
    }
    for (const [id, item] of this.#people) {
      item.querySelector('button')?.setAttribute('aria-pressed', String(id === chosen?.id));
    }
    count.textContent = String(members.length);
  }

  #myself(member) {
    const item = make('li');
    const line = make('span', 'me');
    line.append(faceOf(member), make('span', 'label', member.name), make('span', 'note', 'you'));
    item.append(line);
    return item;
  }

  #person(member) {
    const item = make('li');
    const button = make('button');
    button.type = 'button';
    button.append(faceOf(member), make('span', 'away', 'Write privately to'), make('span', 'label', member.name));
    button.addEventListener('click', () => {
      this.#open(false);
      this.#parts.choose(member);
    });
    item.append(button);
    return item;
  }

  #open(open) {
    const { side, talk, veil, menu, close } = this.#parts;
    const was = side.classList.contains('open');
    if (was === open) return;
    side.classList.toggle('open', open);
    veil.hidden = !open;
    talk.inert = open;
    menu.setAttribute('aria-expanded', String(open));
    (open ? close : menu).focus();
  }
}
