/**
 * A message for many: it is put down once, and each subscriber gets it when its queue is written, together with what is
 * published to the same channel until then. So a session is met once a turn of the event loop, not once a message and once
 * more for its flush.
 *
 *     publish ──▶ run: channel, subscribers, messages ──▶ flusher ──▶ subscriber by subscriber: queue it, write it
 *
 * Nobody can tell the difference: a session whose queue is looked at or changed before its turn takes what is due to it
 * first (`Session`), and who listens to its messages, and whoever publishes, get theirs in the very call.
 */
import { chain, every, type Maybe } from '@cometd-ts/protocol';
import type { ServerChannel } from '../api.ts';
import type { ServerMessage } from '../message.ts';
import { type Flusher, MOST_IN_A_TURN, type Outlet } from './flusher.ts';
import { emptyList, LONGEST_SHARED, type MessageList } from './queue.ts';
import type { Session } from './session.ts';

/** Subscribers that are worth it. */
export const CROWD = 16;

/** The subscribers of a channel, in a list that does not change, and those of them who do not wait for their turn. */
export interface Crowd {
  readonly sessions: readonly Session[];
  readonly watched: readonly Session[];
}

/** Messages of one channel on their way to its subscribers. */
export class Run {
  readonly channel: ServerChannel;
  readonly crowd: Crowd;
  /** Number of its newest message. Messages of all runs of a server are numbered through. */
  last: number;
  #taken = 0;
  #list: MessageList = emptyList;
  /** Whose turn is next. */
  #next = 0;
  /** What everybody whose turn has been in this lap has, at least. */
  #lap: number;

  /** `last`: number of the message before its first. */
  constructor(channel: ServerChannel, crowd: Crowd, last: number) {
    this.channel = channel;
    this.crowd = crowd;
    this.last = last;
    this.#lap = last;
  }

  /** Number of its newest message that somebody has queued. */
  get taken(): number {
    return this.#taken;
  }

  took(number: number): void {
    if (number > this.#taken) this.#taken = number;
  }

  get isLong(): boolean {
    return this.#list.messages.length >= LONGEST_SHARED;
  }

  add(message: ServerMessage): void {
    this.#list = this.#list.with(message);
    this.last++;
  }

  /** What a subscriber that has heard everything up to a number is still to get. */
  due(heard: number): MessageList {
    const { messages } = this.#list;
    const count = this.last - heard;
    if (count >= messages.length) return this.#list;
    return messages.slice(messages.length - count).reduce((list, message) => list.with(message), emptyList);
  }

  /** The next whose turn it is; undefined when everybody has everything. Who had his turn before the newest came has another. */
  next(): Session | undefined {
    const { sessions } = this.crowd;
    if (this.#next === sessions.length) {
      this.#list = this.due(this.#lap);
      this.#next = 0;
    }
    if (this.#next === 0) {
      if (this.#lap === this.last) return undefined;
      this.#lap = this.last;
    }
    return sessions[this.#next++];
  }
}

/** A channel, as a fan-out knows it. */
export interface Crowded extends ServerChannel {
  /** Another object whenever the subscribers have changed, or who of them is watched. */
  readonly crowd: Crowd;
  hasSubscriber(session: Session): boolean;
}

/** The fan-outs of one server: one run at a time is open. */
export class FanOut implements Outlet {
  dirty = false;
  readonly #flusher: Flusher;
  #run: Run | null = null;
  #last = 0;

  constructor(flusher: Flusher) {
    this.#flusher = flusher;
  }

  /** The run that is under way. */
  get run(): Run | null {
    return this.#run;
  }

  /** Sends a frozen message to all subscribers of a channel. True when it was queued for one of them, at least. */
  publish(sender: Session | null, channel: Crowded, message: ServerMessage): Maybe<boolean> {
    // What was published before its own message comes before it.
    sender?.catchUp();
    const run = this.#runFor(channel);
    run.add(message);
    const number = run.last;
    this.#last = number;
    this.#flusher.add(this);
    const isAhead = sender && !sender.isWatched && channel.hasSubscriber(sender);
    const ahead = isAhead ? [sender, ...run.crowd.watched] : run.crowd.watched;
    // All of them before anything else: whatever the first does, the others take it in this call, and once.
    for (const session of ahead) session.passOver(number);
    this.#first(run, sender, number);
    const received = every(ahead, (session) => {
      if (session === sender && !channel.broadcastToPublisher) return true;
      return chain(session.receive(sender, message), (queued) => {
        if (queued) run.took(number);
        return true;
      });
    });
    return chain(received, () => run.taken >= number);
  }

  /** Everybody who is subscribed to a channel takes what is due: its subscribers are about to change. */
  settle(channel: ServerChannel): void {
    if (this.#run?.channel === channel) this.#settle(this.#run);
  }

  /** The next who are due take it, and their clients get it. */
  write(): void {
    const run = this.#run;
    if (!run) return;
    try {
      for (let count = 0; count < MOST_IN_A_TURN && this.#run === run; count++) {
        const session = run.next();
        if (session) session.takeTurn(run);
        else this.#run = null;
      }
    } finally {
      if (this.#run === run) this.#flusher.again();
    }
  }

  /** The run of a channel; what is open for another one, or for subscribers who are others now, ends. */
  #runFor(channel: Crowded): Run {
    let run = this.#run;
    while (run && (run.crowd !== channel.crowd || run.isLong)) {
      this.#settle(run);
      run = this.#run;
    }
    run ??= new Run(channel, channel.crowd, this.#last);
    this.#run = run;
    return run;
  }

  #settle(run: Run): void {
    for (let session = run.next(); session; session = run.next()) session.hearNow(run);
    if (this.#run === run) this.#run = null;
  }

  /** Somebody takes the message at once, so that it is known whether anybody does. */
  #first(run: Run, sender: Session | null, number: number): void {
    for (const session of run.crowd.sessions) {
      if (session === sender || session.isWatched) continue;
      session.hearNow(run);
      if (run.taken >= number) return;
    }
  }
}
