/** Who is where: the users of this node by session, those of the others by node. A table; it tells nobody anything. */
import type { ServerSession } from '@cometd-ts/server';

interface Places {
  readonly sessions: Set<ServerSession>;
  readonly nodes: Set<string>;
}

export class Presences {
  readonly #users: Map<string, Places> = new Map();
  /** Users by node, so that a node that leaves costs what it had. */
  readonly #nodes: Map<string, Set<string>> = new Map();
  #local = 0;

  /** Users with a session here. */
  get localCount(): number {
    return this.#local;
  }

  get users(): readonly string[] {
    return [...this.#users.keys()];
  }

  get localUsers(): readonly string[] {
    const users: string[] = [];
    for (const [user, { sessions }] of this.#users) if (sessions.size > 0) users.push(user);
    return users;
  }

  sessions(user: string): readonly ServerSession[] {
    return [...(this.#users.get(user)?.sessions ?? [])];
  }

  nodes(user: string): readonly string[] {
    return [...(this.#users.get(user)?.nodes ?? [])];
  }

  sessionCount(user: string): number {
    return this.#users.get(user)?.sessions.size ?? 0;
  }

  nodeCount(user: string): number {
    return this.#users.get(user)?.nodes.size ?? 0;
  }

  /** `first` when the user had no session here, `more` when it had, `none` when it had this one. */
  addSession(user: string, session: ServerSession): 'first' | 'more' | 'none' {
    const { sessions } = this.#placesOf(user);
    if (sessions.has(session)) return 'none';
    sessions.add(session);
    if (sessions.size > 1) return 'more';
    this.#local++;
    return 'first';
  }

  /** `last` when no session of the user is left here, `more` when there is one, `none` when the user did not have this one. */
  removeSession(user: string, session: ServerSession): 'last' | 'more' | 'none' {
    const places = this.#users.get(user);
    if (!places?.sessions.delete(session)) return 'none';
    if (places.sessions.size > 0) return 'more';
    this.#local--;
    this.#forget(user, places);
    return 'last';
  }

  usersOf(node: string): readonly string[] {
    return [...(this.#nodes.get(node) ?? [])];
  }

  /** False when it was there already. */
  addNode(user: string, node: string): boolean {
    const { nodes } = this.#placesOf(user);
    if (nodes.has(node)) return false;
    nodes.add(node);
    const users = this.#nodes.get(node);
    if (users) users.add(user);
    else this.#nodes.set(node, new Set([user]));
    return true;
  }

  /** False when it was not there. */
  removeNode(user: string, node: string): boolean {
    const places = this.#users.get(user);
    if (!places?.nodes.delete(node)) return false;
    const users = this.#nodes.get(node);
    users?.delete(user);
    if (users?.size === 0) this.#nodes.delete(node);
    this.#forget(user, places);
    return true;
  }

  #placesOf(user: string): Places {
    let places = this.#users.get(user);
    if (!places) {
      places = { sessions: new Set(), nodes: new Set() };
      this.#users.set(user, places);
    }
    return places;
  }

  #forget(user: string, { sessions, nodes }: Places): void {
    if (sessions.size === 0 && nodes.size === 0) this.#users.delete(user);
  }
}
