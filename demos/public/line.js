/** The line to the server: the official CometD client, and what it takes to stay in a room while the server comes and goes. */
import { CometD } from './lib/cometd/cometd.js';

const answerWithin = 10_000;
const reviveAfter = 2_000;

export class Line {
  #cometd = new CometD('chat');
  #hears;
  // Who comes back with the same token is the same person. It lives as long as the page, and is told to the server only.
  #token =
    crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('-');
  #wish = null;
  #subscriptions = [];
  #answered = true;
  #joined = false;
  #up = false;
  #wasUp = false;
  #reviving;

  /** @param hears { state, joined, refused, ready, said, news, whispered } */
  constructor(hears) {
    this.#hears = hears;
    const cometd = this.#cometd;
    cometd.configure({
      url: new URL('/cometd', location.href).href,
      logLevel: 'warn',
      connectTimeout: 4_000,
      maxNetworkDelay: 5_000,
      backoffIncrement: 500,
      maxBackoff: 4_000,
    });
    cometd.unregisterTransport('callback-polling');
    cometd.addListener('/meta/handshake', (reply) => this.#handshaken(reply));
    cometd.addListener('/meta/connect', (reply) => this.#connected(reply));
    cometd.addListener('/meta/disconnect', () => this.#revive());
    cometd.addListener('/service/privatechat', ({ data }) => hears.whispered(data));
  }

  /** Whether what is sent now can arrive. */
  get isReady() {
    return this.#up && this.#joined;
  }

  /** Goes to a room, and back to it after every interruption until somebody wishes otherwise. */
  join(name, room) {
    const former = this.#wish;
    this.#wish = { name, room, former };
    if (!this.#cometd.isDisconnected()) return this.#join();
    this.#hears.state('connecting');
    this.#cometd.handshake();
  }

  leave() {
    this.#wish = null;
    this.#joined = false;
    this.#up = false;
    this.#wasUp = false;
    this.#subscriptions = [];
    clearTimeout(this.#reviving);
    this.#reviving = undefined;
    if (!this.#cometd.isDisconnected()) this.#cometd.disconnect();
  }

  /** A page that goes away says so, if it can; one that is shown again comes back. */
  sleep() {
    if (this.#wish && !this.#cometd.isDisconnected()) this.#cometd.disconnect();
  }

  wake() {
    if (this.#wish && this.#cometd.isDisconnected()) this.#cometd.handshake();
  }

  /** @param done called once with 'sent', 'waiting' (the line failed: send it again) or 'failed' and the reason */
  say(room, message, done) {
    this.#cometd.publish(`/chat/${room}`, message, (reply) => {
      if (reply.successful) return done('sent');
      const [code, reason] = String(reply.error ?? '').split(':');
      if (reason === 'not_in_room') this.#unseated();
      else if (code === '403' || code === '413') return done('failed', reason);
      return done('waiting');
    });
  }

  /** As `say`, to one person in this room. */
  whisper(to, message, done) {
    this.#cometd.remoteCall('privatechat', { to, ...message }, answerWithin, ({ successful, data }) => {
      if (successful) return done('sent');
      if (data?.refused === 'not_in_room') this.#unseated();
      else if (data?.refused) return done('failed', data.refused);
      return done('waiting');
    });
  }

  #handshaken({ successful }) {
    this.#joined = false;
    // A handshake ends the subscriptions of the session before.
    this.#subscriptions = [];
    if (!successful) return this.#down();
    if (this.#wish) this.#join();
  }

  #connected({ successful }) {
    if (!successful) return this.#down();
    this.#up = true;
    if (this.#joined) this.#ready();
    else if (this.#wish && this.#answered) this.#join();
  }

  // The next connect finds us without a seat, and joins again.
  #unseated() {
    this.#joined = false;
  }

  #down() {
    this.#up = false;
    if (this.#wish) this.#hears.state(this.#wasUp ? 'lost' : 'connecting');
    this.#revive();
  }

  #ready() {
    if (!this.isReady) return;
    this.#wasUp = true;
    this.#hears.state('connected');
    this.#hears.ready();
  }

  // One batch: whoever is let in hears the room from the same moment on.
  #join() {
    const wish = this.#wish;
    const { name, room } = wish;
    const former = this.#subscriptions;
    const hears = (listener) => (message) => {
      if (this.#wish === wish) listener(message.data);
    };
    this.#answered = false;
    this.#cometd.batch(() => {
      this.#cometd.remoteCall('chat/join', { name, room, token: this.#token }, answerWithin, (reply) => {
        this.#answered = true;
        if (this.#wish === wish) this.#letIn(wish, reply, former);
      });
      this.#subscriptions = [
        this.#cometd.subscribe(`/chat/${room}`, hears(this.#hears.said)),
        this.#cometd.subscribe(`/members/${room}`, hears(this.#hears.news)),
      ];
    });
  }

  #letIn(wish, { successful, data }, former) {
    if (successful) {
      this.#cometd.batch(() => {
        for (const one of former) this.#cometd.unsubscribe(one);
      });
      this.#joined = true;
      this.#up = true;
      this.#hears.joined(data);
      return this.#ready();
    }
    // Without an answer the next connect tries again.
    if (!data?.refused) return;
    this.#wish = wish.former;
    this.#subscriptions = former;
    this.#hears.refused(data.refused);
    if (!wish.former) this.leave();
  }

  // The client stops for good when the server advises so, as one that shuts down may; people want to come back all the same.
  #revive() {
    if (this.#reviving !== undefined) return;
    this.#reviving = setTimeout(() => {
      this.#reviving = undefined;
      this.wake();
    }, reviveAfter);
  }
}
