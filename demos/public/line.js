/** The line to the server: our typed client, and what it takes to sit in a room while the server comes and goes. */
import { BayeuxClient, BayeuxError, ClientError } from '/lib/client.js';

/**
 * What travels where.
 *
 * @typedef {{ id: string, name: string }} Member
 * @typedef {{ key: string, text: string }} Words
 * @typedef {{ key: string, from: Member, to?: Member, text: string, at: number }} Said
 * @typedef {{ joined?: Member, left?: Member }} News
 * @typedef {{ you: Member, room: string, members: Member[], history: Said[] }} Seated
 * @typedef {{
 *   '/chat/{room}': Said | Words,
 *   '/members/{room}': News,
 *   '/service/chat/join': (wish: { name: string, room: string, token: string }) => Seated,
 *   '/service/privatechat': ((words: Words & { to: string }) => Said) & Said,
 * }} Channels
 */

/**
 * What the page wants to hear.
 *
 * @typedef {object} Hears
 * @property {(status: import('/lib/client.js').Status) => void} status How the line is, at every change.
 * @property {(seated: Seated) => void} joined We sit in a room: a new one, or the same again.
 * @property {(reason: string | undefined) => void} refused The server did not let us in.
 * @property {() => void} ready What is sent now can arrive.
 * @property {(said: Said) => void} said
 * @property {(news: News) => void} news
 * @property {(said: Said) => void} whispered
 */

/** How long after an unanswered wish for a seat the next one goes out. */
const askAgainAfter = 2_000;

export class Line {
  /** @type {BayeuxClient<Channels>} */
  #client = new BayeuxClient(new URL('/cometd', location.href), {
    connectTimeout: 4_000,
    maxNetworkDelay: 5_000,
    backoffIncrement: 1_000,
    maxBackoff: 8_000,
    extensions: [{ outgoing: (message) => this.#introduce(message) }],
  });
  /** @type {Hears} */
  #hears;
  // Who comes back with the same token is the same person. It lives as long as the page, and is told to the server only.
  #token =
    crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('-');
  /** Where we want to be. @type {{ name: string, room: string } | undefined} */
  #wish;
  /** The wish that was granted last: where we sit, or sat until the line broke. */
  #seat;
  /** The question for a seat that is not answered yet. */
  #question;
  #joined = false;
  /** What ends the subscriptions of a room. That they outlive sessions is the client's business. */
  #listening = new Map();
  #leaving = Promise.resolve();

  /** @param {Hears} hears */
  constructor(hears) {
    this.#hears = hears;
    const client = this.#client;
    client.addListener('status', (status) => this.#statusIs(status));
    client.getChannel('/service/privatechat').addListener(({ data }) => data && hears.whispered(data));
    // A new session has a seat already, by its introduction; asked again, the server tells who else is there, and what was said.
    client.getChannel('/meta/handshake').addListener(({ successful }) => {
      this.#joined = false;
      if (successful) this.#takeSeat();
    });
  }

  /** Whether what is sent now can arrive. */
  get isReady() {
    return this.#client.isConnected && this.#joined;
  }

  /** Goes to a room, and back to it after every interruption until somebody wishes otherwise. */
  async join(name, room) {
    const wish = { name, room };
    this.#wish = wish;
    await this.#leaving;
    if (this.#wish !== wish) return;
    if (this.#client.isHandshook) this.#takeSeat();
    else this.wake();
  }

  leave() {
    this.#wish = undefined;
    this.#seat = undefined;
    this.#question = undefined;
    this.#joined = false;
    this.sleep();
    this.#leaving.then(() => this.#listenTo(undefined));
  }

  /** A page that goes away says so, if it can; one that is shown again comes back. */
  sleep() {
    this.#leaving = this.#client.disconnect();
  }

  /** Begins anew, when the client has ended. What comes of it is told by the status. */
  async wake() {
    await this.#leaving;
    if (this.#wish && this.#client.state === 'disconnected') this.#client.handshake();
  }

  /** @param done called once: 'sent'; 'waiting', certainly not sent; 'unsure', perhaps sent; 'failed' and the reason */
  say(room, message, done) {
    this.#client
      .getChannel(`/chat/${room}`)
      .publish(message)
      .then(
        () => done('sent'),
        (error) => this.#failed(error, done),
      );
  }

  /** As `say`, to one person in this room. */
  whisper(to, message, done) {
    this.#client.remoteCall('privatechat', { to, ...message }).then(
      () => done('sent'),
      (error) => this.#failed(error, done),
    );
  }

  #failed(error, done) {
    const reason = refusalIn(error);
    if (reason === 'not_in_room') this.#unseated();
    else if (reason !== undefined) return done('failed', reason);
    done(error instanceof ClientError && error.sent === 'perhaps' ? 'unsure' : 'waiting');
  }

  #unseated() {
    this.#joined = false;
    if (!this.#question && this.#client.isConnected) this.#takeSeat();
  }

  #statusIs(status) {
    if (this.#wish) this.#hears.status(status);
    if (status.type !== 'connected' || !this.#wish) return;
    // What the room said meanwhile comes with the seat.
    if (!this.#joined || (status.gap && status.recovered)) {
      if (!this.#question) this.#takeSeat();
    } else this.#hears.ready();
  }

  // The client restores subscriptions right after a handshake: by then the server has to know who we are.
  #introduce(message) {
    if (message.channel !== '/meta/handshake' || !this.#wish) return message;
    return { ...message, ext: { ...message.ext, chat: { ...this.#wish, token: this.#token } } };
  }

  // One batch: whoever is let in hears the room from the same moment on.
  #takeSeat() {
    const wish = this.#wish;
    if (!wish) return;
    const question = { wish };
    this.#question = question;
    const { name, room } = wish;
    const answered = (then) => (answer) => {
      // An older question is nobody's any more, and neither is its answer.
      if (this.#question !== question) return;
      this.#question = undefined;
      then(wish, answer);
    };
    this.#client.batch(() => {
      this.#client.remoteCall('chat/join', { name, room, token: this.#token }).then(
        answered((granted, seated) => this.#letIn(granted, seated)),
        answered((asked, error) => this.#notLetIn(asked, error)),
      );
      this.#subscribe(room);
    });
  }

  // Declared once; only after a refusal it has to be said again.
  #subscribe(room) {
    const controller = this.#listening.get(room) ?? new AbortController();
    this.#listening.set(room, controller);
    const { signal } = controller;
    const here = (hear) => (message) => {
      if (this.#seat?.room === room) hear(message.data);
    };
    const chat = this.#client.getChannel(`/chat/${room}`);
    const members = this.#client.getChannel(`/members/${room}`);
    if (!chat.isSubscribed) chat.subscribe(here(this.#hears.said), { signal });
    if (!members.isSubscribed) members.subscribe(here(this.#hears.news), { signal });
  }

  #listenTo(room) {
    for (const [other, controller] of this.#listening) {
      if (other === room) continue;
      this.#listening.delete(other);
      controller.abort();
    }
  }

  #letIn(wish, seated) {
    this.#seat = wish;
    this.#joined = true;
    this.#listenTo(wish.room);
    this.#hears.joined(seated);
    if (this.isReady) this.#hears.ready();
  }

  #notLetIn(wish, error) {
    const reason = refusalIn(error);
    if (reason === undefined) {
      // Nobody answered. When the line breaks, the next session asks; else somebody has to.
      setTimeout(() => {
        if (this.#wish === wish && !this.#joined) this.#unseated();
      }, askAgainAfter);
      return;
    }
    const former = this.#seat === wish ? undefined : this.#seat;
    if (former) {
      this.#wish = former;
      this.#listenTo(former.room);
    } else this.leave();
    this.#hears.refused(reason);
  }
}

/** Why the server refused: what a remote call answered, or the first argument of a Bayeux error. Undefined for all else. */
function refusalIn(error) {
  if (error instanceof BayeuxError) return error.status === 402 ? undefined : (error.args[0] ?? error.code);
  if (error instanceof ClientError) return error.code === 'too_large' ? 'text' : undefined;
  return error.cause?.refused ?? 'error';
}
