/** Who belongs to the mesh, as one node knows it: events in, actions out, no network. The rules of CometD 3.1.8 and later. */
import type { Member } from '../engine.ts';

/**
 * Two nodes know each other by two sessions: a link of ours at the server of the other, and a link of theirs at ours.
 *
 *     observe ─▶ dial ─▶ answered ─▶ (client)          knocked ─▶ (server) ─▶ dial, when it is not known yet
 *                                      │                 │
 *                                      └──── both ───────┘
 *                                              │ open: subscriptions, list of known nodes, join
 *     joined  ◀── our link was answered, and their join was heard
 *     left    ◀── their session is gone, or another start of that node has joined
 *
 * Links are numbers that the machine gives out; sessions are ids of sessions at our server.
 */
export type Event =
  /** Somebody knows of a node at this URL. `alias`: the URL by which that node has reached us. */
  | { readonly what: 'observe'; readonly url: string; readonly alias?: string }
  | { readonly what: 'deobserve'; readonly url: string }
  /** The handshake of a link was answered by a node, which says who it is. */
  | { readonly what: 'answered'; readonly link: number; readonly successful: boolean; readonly member: Member }
  /** A node has shaken hands with our server. `reached`: by which URL; `alias`: the URL by which we had reached it, when it connects back. */
  | {
      readonly what: 'knocked';
      readonly session: string;
      readonly member: Member;
      readonly reached: string;
      readonly alias?: string;
    }
  /** A node says that it has joined. */
  | { readonly what: 'join'; readonly session: string; readonly member: Member }
  /** A session of a node is gone from our server: by its own will, or because it was silent for too long. */
  | { readonly what: 'removed'; readonly session: string; readonly timeout: boolean };

export type Action =
  /** Make a link to this URL and shake hands. */
  | { readonly do: 'dial'; readonly link: number; readonly url: string; readonly alias?: string }
  /** Subscribe and join on this link. */
  | { readonly do: 'open'; readonly link: number }
  /** Try this link now, if it waits for its next attempt: its node was heard. */
  | { readonly do: 'hurry'; readonly link: number }
  /** Take leave on this link and forget it. */
  | { readonly do: 'hangUp'; readonly link: number }
  /** Cut this link without a word and forget it: a farewell might end the session that the other node takes for the newer one. */
  | { readonly do: 'drop'; readonly link: number }
  /** End this session of our server. */
  | { readonly do: 'dismiss'; readonly session: string }
  | { readonly do: 'joined'; readonly member: Member }
  | { readonly do: 'left'; readonly member: Member }
  /** Two nodes that run use the same URL. */
  | { readonly do: 'twins'; readonly url: string };

/** A node our link has reached. */
interface Client {
  readonly url: string;
  readonly aliases: Set<string>;
  readonly link: number;
  opened: boolean;
}

/** A node that has a session at our server. */
interface Server {
  readonly url: string;
  readonly session: string;
  state: 'shaken' | 'joining' | 'joined';
}

/** How many replaced starts of nodes are remembered, to tell a restart from two nodes with one URL. */
const REMEMBERED = 1000;

export class Membership {
  readonly #self: Member;
  readonly #pending: Map<string, number> = new Map();
  readonly #clients: Map<string, Client> = new Map();
  readonly #servers: Map<string, Server> = new Map();
  /** URLs that have turned out to lead here. */
  readonly #own: Set<string>;
  /** Where links were dialed to. */
  readonly #urls: Map<number, string> = new Map();
  readonly #replaced: Set<string> = new Set();
  #links = 0;

  constructor(self: Member) {
    this.#self = self;
    this.#own = new Set([self.url]);
  }

  /** What has happened; answers what is to be done, in this order. */
  apply(event: Event): Action[] {
    switch (event.what) {
      case 'observe':
        return this.#observe(event.url, event.alias);
      case 'deobserve':
        return this.#deobserve(event.url);
      case 'answered':
        return this.#answered(event.link, event.successful, event.member);
      case 'knocked':
        return this.#knocked(event);
      case 'join':
        return this.#join(event.session, event.member);
      case 'removed':
        return this.#removed(event.session, event.timeout);
    }
  }

  // What is known

  get members(): Member[] {
    return [...this.#servers].filter(([, { state }]) => state === 'joined').map(([id, { url }]) => ({ id, url }));
  }

  /** Identity URLs of the nodes our links have reached: what is told to others. */
  get known(): string[] {
    return [...this.#clients.values()].map(({ url }) => url);
  }

  /** URLs our links were not answered from yet. */
  get pending(): string[] {
    return [...this.#pending.keys()];
  }

  /** Whether a URL leads here. */
  isOwn(url: string): boolean {
    return this.#own.has(url);
  }

  isConnected(url: string): boolean {
    for (const server of this.#servers.values()) if (server.url === url) return true;
    return false;
  }

  /** The link to a node, by identity or alias, on its way or answered. */
  find(url: string): number | undefined {
    return this.#pending.get(url) ?? this.#clientOf(url)?.[1].link;
  }

  /** Whether a link to a node, by identity or alias, was answered. */
  hasReached(url: string): boolean {
    return this.#clientOf(url) !== undefined;
  }

  /** Which node a link has reached. */
  reached(link: number): Member | undefined {
    for (const [id, client] of this.#clients) if (client.link === link) return { id, url: client.url };
    return undefined;
  }

  /** How far a node has come at our server. */
  stateOf(id: string): Server['state'] | undefined {
    return this.#servers.get(id)?.state;
  }

  /** Which node a session stands for. */
  of(session: string): Member | undefined {
    for (const [id, server] of this.#servers) if (server.session === session) return { id, url: server.url };
    return undefined;
  }

  // The rules

  #observe(url: string, alias?: string): Action[] {
    if (this.#own.has(url) || this.find(url) !== undefined) return [];
    const link = ++this.#links;
    this.#urls.set(link, url);
    this.#pending.set(url, link);
    return [{ do: 'dial', link, url, ...(alias !== undefined && { alias }) }];
  }

  #deobserve(url: string): Action[] {
    const links: number[] = [];
    const pending = this.#pending.get(url);
    if (pending !== undefined) links.push(pending);
    this.#pending.delete(url);
    for (const [id, client] of this.#clients) {
      if (!matches(client, url)) continue;
      links.push(client.link);
      this.#clients.delete(id);
    }
    return links.map((link) => this.#hangUp(link));
  }

  #answered(link: number, successful: boolean, member: Member): Action[] {
    const url = this.#urls.get(link);
    // Hung up while the answer was on its way.
    if (url === undefined) return [];
    const { id } = member;
    if (id === this.#self.id || member.url === this.#self.url) {
      this.#own.add(url);
      this.#forget(link);
      const twin: Action[] = id === this.#self.id ? [] : [{ do: 'twins', url: member.url }];
      return [...twin, this.#hangUp(link)];
    }
    const stale: Client[] = [];
    for (const [known, client] of this.#clients) {
      if (known !== id && !matches(client, url) && !matches(client, member.url)) continue;
      this.#clients.delete(known);
      stale.push(client);
    }
    const actions: Action[] = [];
    const server = this.#servers.get(id);
    let joins = false;
    if (successful) {
      this.#pending.delete(url);
      const aliases = new Set(url === member.url ? [] : [url]);
      this.#clients.set(id, { url: member.url, aliases, link, opened: server !== undefined });
      joins = server?.state === 'joining';
      if (server && joins) server.state = 'joined';
    }
    // A link that was refused in its new handshake goes on trying.
    else this.#pending.set(url, link);
    for (const client of stale) {
      if (client.link === link) continue;
      this.#urls.delete(client.link);
      actions.push({ do: 'drop', link: client.link });
    }
    if (successful && server) actions.push({ do: 'open', link });
    if (joins) actions.push({ do: 'joined', member });
    return actions;
  }

  #knocked({ session, member, reached, alias }: Event & { what: 'knocked' }): Action[] {
    const { id, url } = member;
    const actions: Action[] = [];
    if (this.#replaced.has(id)) actions.push({ do: 'twins', url });
    const previous = this.#servers.get(id);
    this.#servers.set(id, { url, session, state: previous?.state ?? 'shaken' });
    if (previous) actions.push({ do: 'dismiss', session: previous.session });
    const client = this.#clients.get(id);
    if (client && !client.opened) {
      client.opened = true;
      actions.push({ do: 'open', link: client.link });
    }
    const link = (alias === undefined ? undefined : this.find(alias)) ?? this.find(url);
    if (link !== undefined) actions.push({ do: 'hurry', link });
    else actions.push(...this.#observe(url, reached));
    return actions;
  }

  #join(session: string, member: Member): Action[] {
    const { id, url } = member;
    const server = this.#servers.get(id);
    if (server?.session !== session || server.url !== url) return [];
    const actions: Action[] = [];
    for (const [other, { url: otherURL, session: old, state }] of this.#servers) {
      if (otherURL !== url || other === id) continue;
      this.#servers.delete(other);
      this.#remember(other);
      actions.push({ do: 'dismiss', session: old });
      if (state === 'joined') actions.push({ do: 'left', member: { id: other, url } });
    }
    if (server.state !== 'shaken') return actions;
    server.state = 'joining';
    if (!this.#clients.has(id)) return actions;
    server.state = 'joined';
    return [...actions, { do: 'joined', member }];
  }

  #removed(session: string, timeout: boolean): Action[] {
    const member = this.of(session);
    if (!member) return [];
    const { id, url } = member;
    const joined = this.#servers.get(id)?.state === 'joined';
    this.#servers.delete(id);
    const actions: Action[] = [];
    if (!timeout) {
      const links = [this.#pending.get(url), this.#clients.get(id)?.link];
      this.#pending.delete(url);
      this.#clients.delete(id);
      for (const link of links) if (link !== undefined) actions.push(this.#hangUp(link));
    }
    if (joined) actions.push({ do: 'left', member });
    return actions;
  }

  #clientOf(url: string): [string, Client] | undefined {
    for (const entry of this.#clients) if (matches(entry[1], url)) return entry;
    return undefined;
  }

  #hangUp(link: number): Action {
    this.#urls.delete(link);
    return { do: 'hangUp', link };
  }

  #forget(link: number): void {
    for (const [url, pending] of this.#pending) if (pending === link) this.#pending.delete(url);
    for (const [id, client] of this.#clients) if (client.link === link) this.#clients.delete(id);
  }

  #remember(id: string): void {
    this.#replaced.add(id);
    if (this.#replaced.size <= REMEMBERED) return;
    const [oldest] = this.#replaced;
    this.#replaced.delete(oldest as string);
  }
}

function matches({ url, aliases }: Client, wanted: string): boolean {
  return url === wanted || aliases.has(wanted);
}
