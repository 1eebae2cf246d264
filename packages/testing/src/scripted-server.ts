/** A server that says what a script tells it, to see what a client makes of that. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Message } from '@cometd-ts/protocol';
import type { Patience } from './inbox.ts';
import { MemoryLine } from './line.ts';
import { type Answer, type Pattern, Play } from './play.ts';
import { inTime, PATIENCE } from './real-time.ts';
import { Stage } from './stage.ts';

export interface ScriptOptions {
  /** Default both; without 'websocket', upgrades are refused. */
  readonly transports?: readonly ('websocket' | 'long-polling')[];
  /** Default '/cometd'. */
  readonly path?: string;
}

/** What becomes of a message that was expected. Each continues the script. */
export interface Reaction {
  /**
   * Replies as a server would: successfully, a handshake with an id, the transports and advice. `fields` come over that.
   */
  reply(fields?: Readonly<Partial<Message>>): ScriptedServer;
  /** Replies without success, with an error such as '402::session_unknown'. */
  refuse(error: string, fields?: Readonly<Partial<Message>>): ScriptedServer;
  /** Answers the whole request with this HTTP status. A WebSocket is closed, with 1011. */
  status(code: number): ScriptedServer;
  /** Gives no reply before `release`; a held request also ends with the next message that is sent. */
  hold(): ScriptedServer;
  /** Never replies. */
  silence(): ScriptedServer;
  /** Breaks the connection that the message came on. */
  cut(): ScriptedServer;
}

/**
 * Steps are played in their order: `expect` waits for a message, `deliver`, `send`, `release` and `cut` come by themselves
 * when it is their turn. What comes and is not expected fails the script: the client is told not to come back, and
 * `played` rejects. After the last step connects are held, and a disconnect is answered.
 */
export class ScriptedServer implements AsyncDisposable {
  /** A line to it in memory, with clients: `script.line.client()`. */
  readonly line: MemoryLine;
  readonly #play: Play;
  readonly #stage: Stage;
  readonly #path: string;
  readonly #watchers: Set<() => void> = new Set();
  /** Whether its failure was told to somebody. */
  #isTold = false;

  constructor({ transports = ['websocket', 'long-polling'], path = '/cometd' }: ScriptOptions = {}) {
    this.#path = path;
    this.#play = new Play(transports);
    this.#stage = new Stage(this.#play, transports.includes('websocket'), () => {
      for (const look of this.#watchers) look();
    });
    this.line = new MemoryLine(this.#stage.http, { path });
  }

  // The script

  /** The next message is on this channel, and has these fields. */
  expect(channel: string, pattern?: Pattern): Reaction {
    return this.#reaction((answer) => this.#play.expect({ channel, pattern, answer }));
  }

  /** Such messages may come at any time, and are no step: connects, usually. A step that expects them goes first. */
  whenever(channel: string, pattern?: Pattern): Reaction {
    return this.#reaction((answer) => this.#play.whenever({ channel, pattern, answer }));
  }

  /** Sends an event to the client. */
  deliver(channel: string, data: unknown, fields: Readonly<Partial<Message>> = {}): this {
    return this.send({ channel, data, ...fields });
  }

  /** Sends any message to the client, a disconnect for one. */
  send(message: Message): this {
    this.#play.do({ act: 'send', message });
    this.#stage.perform();
    return this;
  }

  /** Replies to what is held. */
  release(fields: Readonly<Partial<Message>> = {}): this {
    this.#play.do({ act: 'release', fields });
    this.#stage.perform();
    return this;
  }

  /** Ends all connections. New ones are welcome. */
  cut(): this {
    this.#play.do({ act: 'cut' });
    this.#stage.perform();
    return this;
  }

  // The play

  /** Everything that came so far. */
  get received(): readonly Message[] {
    return this.#play.received;
  }

  /** Resolves when the whole script was played. Rejects when something else came, or nothing in time. */
  async played({ within = PATIENCE }: Patience = {}): Promise<void> {
    let look: () => void = () => undefined;
    const end = new Promise<void>((resolve) => {
      look = () => {
        if (this.#play.failure || this.#play.isOver) resolve();
      };
    });
    this.#watchers.add(look);
    look();
    try {
      await inTime(end, within, () => this.#play.unfinished().message);
    } catch (error) {
      this.#isTold = true;
      throw error;
    } finally {
      this.#watchers.delete(look);
    }
    this.verify();
  }

  /** Throws when something else came than the script says, or when it was not played to its end. */
  verify(): void {
    if (!this.#play.failure && this.#play.isOver) return;
    this.#isTold = true;
    throw this.#play.unfinished();
  }

  /** Also listens on a free port of 127.0.0.1, for clients elsewhere. Resolves with the URL. */
  async listen(): Promise<string> {
    const { http } = this.#stage;
    if (!http.listening) await once(http.listen(0, '127.0.0.1'), 'listening');
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}${this.#path}`;
  }

  /** Breaks all connections, and ends the clients of the line. */
  close(): void {
    this.line.close();
    this.#stage.close();
    if (this.#stage.http.listening) this.#stage.http.close();
  }

  /** Closes; throws what `verify` throws, unless a rejection of `played` has told already. */
  async [Symbol.asyncDispose](): Promise<void> {
    const isTold = this.#isTold;
    this.close();
    if (!isTold) this.verify();
  }

  #reaction(add: (answer: Answer) => void): Reaction {
    const set = (answer: Answer): ScriptedServer => {
      add(answer);
      return this;
    };
    return {
      reply: (fields = {}) => set({ act: 'reply', fields }),
      refuse: (error, fields = {}) => set({ act: 'reply', fields: { successful: false, error, ...fields } }),
      status: (code) => set({ act: 'status', code }),
      hold: () => set({ act: 'hold' }),
      silence: () => set({ act: 'silence' }),
      cut: () => set({ act: 'cut' }),
    };
  }
}
