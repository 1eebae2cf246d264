/** The line to the auction: to one node at a time, and to the next when that one is gone. */
import { BayeuxClient } from '/lib/client.js';

/**
 * What travels where.
 *
 * @typedef {{ id: string, name: string }} Bidder
 * @typedef {Bidder & { nodes: string[] }} Present
 * @typedef {{ id: string, bidder: Bidder, amount: number, at: number }} Past
 * @typedef {Past & { lot: string, node: string, trail: Past[], least: number }} Standing
 * @typedef {{ url: string, name: string }} Door
 * @typedef {{ id: string, title: string }} Category
 * @typedef {{ id: string, category: string, title: string, about: string, start: number }} Lot
 * @typedef {{ you: Bidder, node: string, nodes: string[], doors: Door[], categories: Category[], lots: Lot[], standings: Standing[], bidders: Present[] }} Entered
 * @typedef {{ lot: string, amount: number, by: Bidder }} Outbid
 * @typedef {{
 *   '/auction/item/*': Standing,
 *   '/auction/bidders': { bidders: Present[] },
 *   '/auction/nodes': { nodes: string[] },
 *   '/service/auction/enter': (wish: { name: string, token: string }) => Entered,
 *   '/service/auction/bid': (offer: { lot: string, amount: number, key: string }) => Standing,
 *   '/service/auction/outbid': Outbid,
 * }} Channels
 */

/**
 * What the page wants to hear.
 *
 * @typedef {object} Hears
 * @property {(status: import('/lib/client.js').Status, door: Door) => void} status How the line is, at every change.
 * @property {(entered: Entered, from: Door | undefined) => void} entered We are in; `from` is the node we were at, when that was another.
 * @property {(reason: string) => void} refused The node did not let us in.
 * @property {(gone: Door, next: Door) => void} moving A node is given up, and another one tried.
 * @property {(standing: Standing) => void} standing
 * @property {(bidders: Present[]) => void} bidders
 * @property {(nodes: string[]) => void} nodes
 * @property {(outbid: Outbid) => void} outbid
 */

/** Times in ms: a bid may wait for nodes that are missed, and survive the node it was given to. */
const times = { answer: 25_000, all: 45_000, breath: 400, again: 1_000 };
/** A node that fails this often in a row is given up. */
const patience = 2;

/** Why a bid did not become the highest; `least` is what would do now. */
export class Refusal extends Error {
  constructor(reason, least) {
    super(reason);
    this.reason = reason;
    this.least = least;
  }
}

export class Line {
  /** @type {Hears} */
  #hears;
  // Who comes with the same token is the same person, at every node. It lives as long as the tab.
  #token = ownToken();
  /** @type {BayeuxClient<Channels> | undefined} */
  #client;
  /** What waits for the present client. */
  #visit = new AbortController();
  #name;
  #here = new URL('/cometd', location.href).href;
  /** The node that let us in last. */
  #entered;
  /** @type {Door[]} */
  #doors = [];
  #misses = 0;
  #isIn = false;
  #waiting = new Set();

  /** @param {Hears} hears */
  constructor(hears) {
    this.#hears = hears;
  }

  enter(name) {
    this.#name = name;
    this.#open(this.#here);
  }

  leave() {
    this.#name = undefined;
    this.#entered = undefined;
    this.sleep();
  }

  /** A page that goes away says so, if it can; one that is shown again comes back. */
  sleep() {
    this.#isIn = false;
    this.#visit.abort();
    this.#client?.disconnect();
    this.#client = undefined;
  }

  wake() {
    if (this.#name !== undefined && !this.#client) this.#open(this.#here);
  }

  /**
   * Bids, and asks again on the next node when the answer was lost with this one: by its key it is one bid.
   * Resolves when every node knows it; rejects with `Refusal`.
   */
  async bid(lot, amount) {
    const key = randomKey();
    const until = performance.now() + times.all;
    while (performance.now() < until && this.#name !== undefined) {
      await this.#whenIn();
      const client = this.#client;
      const { signal } = this.#visit;
      try {
        if (client)
          return await client.remoteCall('auction/bid', { lot, amount, key }, { timeout: times.answer, signal });
      } catch (error) {
        const { refused, least } = answerIn(error);
        if (refused === 'stranger' && client) this.#ask(client);
        else if (refused !== undefined) throw new Refusal(refused, least);
        await pause(times.breath);
      }
    }
    throw new Refusal('unsure');
  }

  #open(url) {
    /** @type {BayeuxClient<Channels>} */
    const client = new BayeuxClient(url, {
      connectTimeout: 2_500,
      maxNetworkDelay: 4_000,
      backoffIncrement: 400,
      maxBackoff: 2_000,
    });
    this.#here = url;
    this.#client = client;
    this.#visit = new AbortController();
    // What a client says that was given up is nobody's concern.
    const ours = (hear) => (value) => this.#client === client && hear(value);
    client.addListener(
      'status',
      ours((status) => this.#statusIs(status)),
    );
    client.getChannel('/service/auction/outbid').addListener(ours(({ data }) => data && this.#hears.outbid(data)));
    client.getChannel('/meta/handshake').addListener(
      ours(({ successful }) => {
        this.#isIn = false;
        if (successful) this.#ask(client);
      }),
    );
    client.handshake();
  }

  // One batch: whoever is let in hears everything from that moment on.
  #ask(client) {
    const ours = (hear) => (value) => this.#client === client && hear(value);
    client.batch(() => {
      client.remoteCall('auction/enter', { name: this.#name, token: this.#token }).then(
        ours((entered) => this.#letIn(entered)),
        ours((error) => this.#notLetIn(client, error)),
      );
      const hear = (channel, then) => {
        const place = client.getChannel(channel);
        if (!place.isSubscribed) place.subscribe(ours(({ data }) => then(data)));
      };
      hear('/auction/item/*', (standing) => this.#hears.standing(standing));
      hear('/auction/bidders', ({ bidders }) => this.#hears.bidders(bidders));
      hear('/auction/nodes', ({ nodes }) => this.#hears.nodes(nodes));
    });
  }

  #letIn(entered) {
    const from = this.#entered === this.#here ? undefined : this.#doors.find(({ url }) => url === this.#entered);
    this.#entered = this.#here;
    this.#doors = entered.doors;
    this.#misses = 0;
    this.#isIn = true;
    this.#hears.entered(entered, from);
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }

  #notLetIn(client, error) {
    const reason = answerIn(error).refused;
    if (reason !== undefined) return this.#hears.refused(reason);
    // Nobody answered. When the line breaks, the next session asks; else somebody has to.
    setTimeout(() => {
      if (this.#client === client && client.isConnected && !this.#isIn) this.#ask(client);
    }, times.again);
  }

  #statusIs(status) {
    this.#hears.status(status, this.#door(this.#here));
    if (status.type === 'unconnected') this.#missed(1);
    // It does not let anybody in, or not yet: nothing comes of asking it again at once.
    if (status.type === 'terminated') this.#missed(patience);
  }

  #missed(weight) {
    this.#isIn = false;
    this.#misses += weight;
    if (this.#misses < patience) return;
    const ring = this.#doors.length > 0 ? this.#doors : [this.#door(this.#here)];
    const gone = this.#door(this.#here);
    const next = ring[(ring.findIndex(({ url }) => url === this.#here) + 1) % ring.length] ?? gone;
    this.#misses = 0;
    this.sleep();
    if (next !== gone) this.#hears.moving(gone, next);
    setTimeout(() => {
      if (this.#name !== undefined && !this.#client) this.#open(next.url);
    }, times.breath);
  }

  #door(url) {
    return this.#doors.find((door) => door.url === url) ?? { url, name: new URL(url).host };
  }

  #whenIn() {
    return this.#isIn ? Promise.resolve() : new Promise((resolve) => this.#waiting.add(resolve));
  }
}

/** What the server answered, in an error of a remote call. */
function answerIn(error) {
  return error.cause ?? {};
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function ownToken() {
  sessionStorage.token ??= randomKey();
  return sessionStorage.token;
}

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36).padStart(7, '0')).join('');
}
