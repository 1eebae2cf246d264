/** What has been said in each room, as this page knows it, sent or not. */

const most = 300;

export class Transcripts {
  #rooms = new Map();

  of(room) {
    const known = this.#rooms.get(room);
    if (known) return known;
    const entries = [];
    this.#rooms.set(room, entries);
    return entries;
  }

  find(room, key) {
    return this.of(room).find((entry) => entry.key === key);
  }

  /** Adds an entry. The oldest goes when there are too many, but nothing that has not been sent. */
  add(room, entry) {
    const entries = this.of(room);
    entries.push(entry);
    if (entries.length <= most) return;
    const oldest = entries.findIndex(({ fate }) => fate === undefined);
    if (oldest >= 0) entries.splice(oldest, 1)[0].node?.remove();
  }

  /** Takes over what a room remembers; true when there was something new. */
  merge(room, history) {
    const entries = this.of(room);
    const fresh = history.filter(({ key }) => !this.find(room, key));
    for (const said of history) {
      const ours = this.find(room, said.key);
      if (ours) Object.assign(ours, { at: said.at, fate: undefined });
    }
    entries.push(...fresh);
    entries.sort((one, other) => one.at - other.at);
    return fresh.length > 0;
  }

  /** What is to be sent again, in order. */
  unsent(room) {
    return this.of(room).filter(({ fate }) => fate === 'waiting' || fate === 'unsure');
  }

  clear() {
    this.#rooms.clear();
  }
}
