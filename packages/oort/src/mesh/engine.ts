/** The mesh: every node is a client of every other. Wire-compatible with Oort of Java CometD 5 to 8. Book section 9.5. */

import { isBroadcast, type Message } from '@cometd-ts/protocol';
import type { BayeuxServer, Registration, ServerMessage, ServerSession } from '@cometd-ts/server';
import { AcknowledgedMessagesExtension, BinaryExtension } from '@cometd-ts/server';
import type { Comets, Engine, EngineNode, EngineStatus, LinkInfo, Links, Member } from '../engine.ts';
import { OORT_CLOUD, OORT_SERVICE } from '../wire.ts';
import { Gate } from './gate.ts';
import { Link, type LinkHost, type Opening } from './link.ts';
import type { LinkSettings } from './link-options.ts';
import { type Action, type Event, Membership } from './membership.ts';
import { type MeshOptions, type MeshSettings, meshSettings } from './options.ts';
import { isForged, isObserved } from './payload.ts';
import { isObject, isURL } from './secret.ts';
import { MeshSeeker } from './seeker.ts';
import { linksOf, statusOf } from './status.ts';

/** A way to the cluster through the nodes themselves. */
export interface MeshEngine extends Engine, Comets, Links {}

/**
 * An engine for one node. All nodes need the same secret, Java nodes too. Throws `TypeError` without one, `RangeError` for
 * options that are wrong.
 *
 * @example
 * const oort = new Oort(server, { url, engine: meshEngine({ secret, discovery: [staticDiscovery(urls)] }) });
 */
export function meshEngine(options: MeshOptions): MeshEngine {
  return new Mesh(meshSettings(options));
}

const stopped: EngineStatus = { state: 'down', reason: 'stopped' };
/** How often the mesh looks whether all is well, in ms. */
const LOOK = 1000;
/** Below this a node cannot take what others push to it at a start. */
const ENOUGH_BYTES = 1_048_576;

/** What there is between `start` and `stop`. */
interface Running {
  readonly node: EngineNode;
  readonly membership: Membership;
  readonly link: LinkSettings;
  readonly seeker: MeshSeeker;
}

class Mesh implements MeshEngine, LinkHost {
  readonly name = 'mesh';
  readonly #settings: MeshSettings;
  readonly #observed: Set<string> = new Set();
  readonly #wanted: Set<string> = new Set();
  readonly #links: Map<number, Link> = new Map();
  readonly #closing: Set<Promise<void>> = new Set();
  /** Sessions of nodes, by id, and when they came. */
  readonly #sessions: Map<
    string,
    { readonly session: ServerSession; readonly member: Member; readonly since: number }
  > = new Map();
  readonly #registrations: Registration[] = [];
  #running: Running | null = null;
  #status: EngineStatus = { state: 'down', reason: 'not started' };
  #events: Event[] = [];
  #isBusy = false;
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: MeshSettings) {
    this.#settings = settings;
  }

  // Its life

  async start(node: EngineNode): Promise<void> {
    const { server } = node;
    if (this.#running || this.#status === stopped) throw new TypeError('A mesh engine is started once');
    const { link } = this.#settings;
    const membership = new Membership({ id: node.id, url: node.url });
    const seeker = new MeshSeeker({
      url: node.url,
      known: () => this.knownComets,
      observe: (url) => this.#found(url, 'a discovery'),
      deobserve: (url) => this.#feed({ what: 'deobserve', url }),
      isReached: (url) => membership.hasReached(url),
      failed: (error) => server.diagnostics.failed('oort_discovery', error),
    });
    this.#running = {
      node,
      membership,
      seeker,
      link: { ...link, jsonContext: link.jsonContext ?? server.settings.jsonContext },
    };
    this.#furnish(node);
    this.#timer = setInterval(() => this.#watch(), LOOK);
    this.#timer.unref();
    this.#changed();
    for (const url of this.#wanted) this.#feed({ what: 'observe', url });
    try {
      for (const discovery of this.#settings.discovery) await discovery.start(seeker);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#look();
  }

  #furnish(node: EngineNode): void {
    const { server } = node;
    const { ack, binary } = this.#settings;
    const { maxMessageSize } = server.settings.websocket;
    if (maxMessageSize >= 0 && maxMessageSize < ENOUGH_BYTES) {
      server.diagnostics.warn(
        'oort_limits',
        `The server takes messages of ${maxMessageSize} bytes: other nodes may send longer ones, which closes their links (option maxMessageSize, at least ${ENOUGH_BYTES})`,
      );
    }
    const has = (kind: new () => unknown): boolean => server.extensions.some((one) => one instanceof kind);
    if (ack && !has(AcknowledgedMessagesExtension)) server.addExtension(new AcknowledgedMessagesExtension());
    if (binary && !has(BinaryExtension)) server.addExtension(new BinaryExtension());
    const gate = new Gate(node, this.#settings, {
      knocked: (session, { id, url, reached, alias }) => {
        const member = { id, url };
        this.#welcome(session, member);
        const event = { what: 'knocked', session: session.id, member, reached } as const;
        this.#feed(alias === undefined ? event : { ...event, alias });
      },
      memberOf: (session) => this.#sessions.get(session.id)?.member,
      mayCome: (url) => !this.#isCrowded || this.#running?.membership.find(url) !== undefined,
    });
    const persistent = (name: string) =>
      server.createChannelIfAbsent(name, (channel) => {
        channel.persistent = true;
      }).channel;
    this.#registrations.push(
      server.addExtension(gate),
      persistent(OORT_SERVICE).addListener('message', (sender, _channel, message) => this.#joins(sender, message)),
      persistent(OORT_CLOUD).addListener('message', (sender, _channel, message) => this.#introduced(sender, message)),
      server.addListener('subscribed', (session, channel) => this.#subscribed(session, channel.id)),
    );
  }

  async stop(): Promise<void> {
    if (this.#status === stopped) return;
    this.#status = stopped;
    const running = this.#running;
    this.#running = null;
    clearInterval(this.#timer);
    for (const registration of this.#registrations) registration.remove();
    running?.seeker.stop();
    for (const discovery of this.#settings.discovery) await discovery.stop();
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all([...links.map((link) => link.close()), ...this.#closing]);
    for (const { session } of this.#sessions.values()) session.disconnect();
    this.#sessions.clear();
  }

  // What is known

  get status(): EngineStatus {
    return this.#status;
  }

  get members(): readonly Member[] {
    return this.#running?.membership.members ?? [];
  }

  get knownComets(): readonly string[] {
    const membership = this.#running?.membership;
    return membership ? [...new Set([...membership.known, ...membership.pending])] : [...this.#wanted];
  }

  get links(): readonly LinkInfo[] {
    return this.#running ? linksOf(this.#running.membership, this.#links.values(), this.#sessions.values()) : [];
  }

  isConnected(url: string): boolean {
    return this.#running?.membership.isConnected(url) ?? false;
  }

  isNode(session: ServerSession): boolean {
    return this.#sessions.get(session.id)?.session === session;
  }

  isOortHandshake(message: Message): boolean {
    const node = this.#running?.node;
    return node !== undefined && Gate.isFor(message, node.url, this.#settings);
  }

  // Other nodes

  observeComet(url: string): void {
    if (!isURL(url)) throw new TypeError(`A node is observed by its absolute http(s) URL, not by '${url}'`);
    if (this.#running) this.#feed({ what: 'observe', url });
    else if (this.#status !== stopped) this.#wanted.add(url);
  }

  deobserveComet(url: string): boolean {
    const running = this.#running;
    if (!running) return this.#wanted.delete(url);
    const known = running.membership.find(url) !== undefined;
    this.#feed({ what: 'deobserve', url });
    return known;
  }

  /** Other nodes and discoveries tell of nodes, and are believed as far as the application allows. */
  #found(url: unknown, by: string): void {
    const running = this.#running;
    if (!running || running.membership.isOwn(String(url)) || running.membership.find(String(url)) !== undefined) return;
    const { diagnostics } = running.node.server;
    if (!isURL(url)) return diagnostics.rejected('oort_url', by);
    if (!this.#settings.allows(url)) {
      diagnostics.rejected('oort_not_allowed', url);
      return diagnostics.warn(
        'oort_not_allowed',
        `${by} tells of a node at ${new URL(url).origin}, which is not allowed`,
      );
    }
    if (this.#isCrowded) return this.#turnAway(url, by);
    this.#feed({ what: 'observe', url });
  }

  /** Nodes that were told of and cannot be reached cost an attempt now and then: there are not to be more and more of them. */
  get #isCrowded(): boolean {
    return (this.#running?.membership.pending.length ?? 0) >= this.#settings.maxComets;
  }

  #turnAway(url: string, by: string): void {
    const { diagnostics } = (this.#running as Running).node.server;
    diagnostics.rejected('oort_crowd', url);
    const most = this.#settings.maxComets;
    diagnostics.warn(
      'oort_crowd',
      `${by} tells of more nodes, and ${most} cannot be reached already (option maxComets)`,
    );
  }

  // Channels and messages

  observe(channel: string): void {
    if (this.#observed.has(channel)) return;
    this.#observed.add(channel);
    for (const link of this.#links.values()) link.observe(channel);
  }

  deobserve(channel: string): void {
    if (!this.#observed.delete(channel)) return;
    for (const link of this.#links.values()) link.deobserve(channel);
  }

  send(url: string, message: Message): boolean {
    if (typeof message?.channel !== 'string') throw new TypeError('A message needs a channel');
    const membership = this.#running?.membership;
    if (!membership?.isConnected(url)) return false;
    const link = this.#links.get(membership.find(url) ?? 0);
    return link?.send(message) ?? false;
  }

  // What sessions of nodes do at our server

  /** A node is here: from now on what came from nodes does not go to it. */
  #welcome(session: ServerSession, member: Member): void {
    const node = this.#running?.node;
    if (!node) return;
    this.#sessions.set(session.id, { session, member, since: Date.now() });
    const { serverSession } = node.session;
    session.addListener('message', (_session, sender, { channel }) => {
      return !(isBroadcast(channel) && sender && (sender === serverSession || sender.isNode));
    });
    session.addListener('removed', (_session, message, timeout) => {
      this.#sessions.delete(session.id);
      // Only the node itself says goodbye. When our server ends a session, of a node that falls behind, say, the node is still there.
      const isGoodbye = !timeout && (message !== null || !node.server.isStarted);
      this.#feed({ what: 'removed', session: session.id, timeout: !isGoodbye });
    });
  }

  #joins(sender: ServerSession | null, { data }: ServerMessage): void {
    const known = sender && this.#sessions.get(sender.id);
    if (!known || !isObject(data)) return;
    const { oortId: id, oortURL: url } = data;
    if (id !== known.member.id || url !== known.member.url) return;
    this.#feed({ what: 'join', session: sender.id, member: known.member });
  }

  #introduced(sender: ServerSession | null, { data }: ServerMessage): void {
    const known = sender && this.#sessions.get(sender.id);
    if (!known || !Array.isArray(data)) return;
    for (const url of data.slice(0, this.#settings.maxComets)) this.#found(url, known.member.url);
  }

  #subscribed(session: ServerSession, channel: string): void {
    const known = this.#sessions.get(session.id);
    const node = this.#running?.node;
    if (!known || !node || known.session !== session || channel === OORT_CLOUD) return;
    node.observed(channel, known.member, (message) => {
      if (session.isTerminated) return false;
      return session.deliver(null, message) !== false;
    });
  }

  // What links say

  get diagnostics(): BayeuxServer['diagnostics'] {
    return (this.#running as Running).node.server.diagnostics;
  }

  answered(link: Link, successful: boolean, member: Member): void {
    this.#feed({ what: 'answered', link: link.number, successful, member });
  }

  arrived(link: Link, message: Message): void {
    const running = this.#running;
    const url = link.member?.url;
    if (!running || url === undefined || this.#links.get(link.number) !== link) return;
    if (!isBroadcast(message.channel)) return;
    // Who is asked for some channels cannot speak on others.
    if (!isObserved(message.channel, this.#observed))
      return running.node.server.diagnostics.rejected('oort_unasked', message.channel);
    if (isForged(message, url)) return running.node.server.diagnostics.rejected('oort_forged', message.channel);
    // Broadcasts have neither, as a rule: nothing is copied then.
    if (!('id' in message) && !('clientId' in message)) return running.node.arrived(message);
    const { id: _id, clientId: _clientId, ...fields } = message;
    running.node.arrived(fields);
  }

  changed(_link?: Link): void {
    this.#changed();
  }

  // Events and actions

  /** One event at a time: what an action brings about comes after it. */
  #feed(event: Event): void {
    this.#events.push(event);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (;;) {
        const next = this.#events.shift();
        if (!next || !this.#running) break;
        // Whatever goes wrong with one action, the others are done.
        for (const action of this.#running.membership.apply(next))
          void this.diagnostics.guard('oort', undefined, () => this.#act(action));
      }
    } finally {
      this.#events = [];
      this.#isBusy = false;
    }
    this.#running?.seeker.look();
    this.#changed();
  }

  #act(action: Action): void {
    const running = this.#running;
    if (!running) return;
    const { node } = running;
    switch (action.do) {
      case 'dial':
        return this.#dial(action.link, action.url, action.alias);
      case 'open':
        return this.#links.get(action.link)?.open(() => this.#opening());
      case 'hurry':
        return this.#links.get(action.link)?.hurry();
      case 'hangUp':
        return this.#hangUp(action.link);
      case 'drop':
        this.#links.get(action.link)?.drop();
        return void this.#links.delete(action.link);
      case 'dismiss':
        return this.#sessions.get(action.session)?.session.disconnect();
      case 'joined':
        return node.joined(action.member);
      case 'left':
        return node.left(action.member);
      case 'twins':
        node.server.diagnostics.count('oort_twins');
        return node.server.diagnostics.warn(
          'oort_twins',
          `Two nodes run with the Oort URL ${action.url}: give each its own`,
        );
    }
  }

  #dial(number: number, url: string, alias: string | undefined): void {
    const { node, link } = this.#running as Running;
    const { ack, binary, secret, address } = this.#settings;
    const block = {
      oortURL: node.url,
      oortId: node.id,
      oortSecret: secret,
      cometURL: url,
      ...(alias !== undefined && { oortAliasURL: alias }),
    };
    this.#links.set(number, new Link({ number, url, address: address(url), block, ack, binary, settings: link }, this));
  }

  #opening(): Opening {
    const { node, membership } = this.#running as Running;
    return { member: { id: node.id, url: node.url }, known: membership.known, channels: this.#observed };
  }

  #hangUp(number: number): void {
    const link = this.#links.get(number);
    this.#links.delete(number);
    if (!link) return;
    const closed = link.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  // How it goes

  /** Looks at it in a turn of its own: what is under way need not be reported. */
  #changed(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(() => {
      this.#isLooking = false;
      this.#look();
    });
  }

  #look(): void {
    const running = this.#running;
    if (!running) return;
    const status = statusOf(this.links, this.#settings.patience);
    if (status.state === this.#status.state && status.reason === this.#status.reason) return;
    const { diagnostics } = running.node.server;
    if (status.state !== 'up') diagnostics.warn('oort_status', `The cluster is ${status.state}: ${status.reason}`);
    else if (this.#status.reason !== 'not started') diagnostics.info('The cluster is up again');
    this.#status = status;
    running.node.changed(status);
  }

  #watch(): void {
    this.#look();
    this.#remind();
    this.#forget();
  }

  /** Nodes that are gone for good would be looked for without end. */
  #forget(): void {
    const { forgetAfter } = this.#settings;
    if (forgetAfter === null) return;
    for (const { url, in: inward, problem, since } of this.links) {
      if (problem === '' || inward !== 'none' || Date.now() - since < forgetAfter) continue;
      this.diagnostics.count('oort_forgotten');
      this.diagnostics.info(`${url} is looked for no longer (option forgetAfter): ${problem}`);
      this.deobserveComet(url);
    }
  }

  /** Half a pair: our link is there, and the other node does not come. It is told of us again, in case it has lost us. */
  #remind(): void {
    const running = this.#running;
    if (!running) return;
    const { node, membership } = running;
    for (const link of this.#links.values()) {
      const { member } = link;
      if (!member || membership.stateOf(member.id) || Date.now() - link.since < this.#settings.patience) continue;
      if (Date.now() - link.reminded < this.#settings.patience) continue;
      link.remind([...membership.known, node.url]);
    }
  }
}
