/**
 * What a node said last about single users. Its full list and its single changes can come by different ways and overtake
 * each other; the changes that are younger than a list are put on top of it again.
 */

/** How many changes are remembered: as many as can overtake a list that is on its way. */
const REMEMBERED = 1_000;

interface Change {
  readonly seq: number;
  readonly userIds: readonly string[];
  readonly presence: boolean;
}

export class Latest {
  #changes: Change[] = [];
  #list = -1;
  /** The youngest of all changes: one that is younger still, as it mostly is, need not be compared. */
  #youngest = -1;

  /** Remembers a change, and answers the users it is still true of: those nothing younger was heard about. */
  changed(seq: number, userIds: readonly string[], presence: boolean): readonly string[] {
    if (seq <= this.#list) return [];
    const younger = seq > this.#youngest ? [] : this.#changes.filter((change) => change.seq > seq);
    this.#youngest = Math.max(this.#youngest, seq);
    this.#changes.push({ seq, userIds, presence });
    if (this.#changes.length > REMEMBERED) this.#changes.shift();
    if (younger.length === 0) return userIds;
    return userIds.filter((user) => !younger.some((change) => change.userIds.includes(user)));
  }

  /** The users of a full list, with all younger changes made. Null when a younger list has been heard. */
  listed(seq: number, userIds: readonly string[]): Set<string> | null {
    if (seq < this.#list) return null;
    this.#list = seq;
    this.#changes = this.#changes.filter((change) => change.seq > seq).sort((a, b) => a.seq - b.seq);
    const users = new Set(userIds);
    for (const change of this.#changes)
      for (const user of change.userIds)
        if (change.presence) users.add(user);
        else users.delete(user);
    return users;
  }
}
