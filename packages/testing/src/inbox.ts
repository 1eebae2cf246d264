/** What a client receives on a channel, in its order, for a test to look at piece by piece. */
import type { AnyChannels, BayeuxClient, ChannelMap, CometD, DataOf, Message } from '@cometd-ts/client';
import type { BayeuxClient as NodeClient } from '@cometd-ts/client/node';
import { inTime, PATIENCE } from './real-time.ts';

/** What helpers that wait have in common. */
export interface Patience {
  /** How long to wait, in ms of real time, whatever a fake clock says. Default 5000. */
  readonly within?: number;
}

/** Listens to a channel; resolves with what ends it. */
type Listen = (channel: string, listener: (message: Message) => void) => Promise<() => unknown>;

interface Ways {
  readonly listen: Listen;
  readonly publish: (channel: string, data: unknown) => Promise<unknown>;
}

export class Inbox<Data = unknown> implements AsyncDisposable {
  readonly channel: string;
  /** Everything that came, taken or not, oldest first. */
  readonly all: Message<Data>[] = [];
  readonly #ways: Ways;
  /** One channel for all echoes: servers may limit how many are created. */
  readonly #echoChannel: string = `/testing/echo/${crypto.randomUUID()}`;
  #untaken: Message<Data>[] = [];
  #waiting: ((message: Message<Data>) => void)[] = [];
  #end: (() => unknown) | undefined;

  private constructor(channel: string, ways: Ways) {
    this.channel = channel;
    this.#ways = ways;
  }

  static async open<Data>(channel: string, ways: Ways): Promise<Inbox<Data>> {
    const inbox = new Inbox<Data>(channel, ways);
    inbox.#end = await ways.listen(channel, (message) => inbox.#arrived(message as Message<Data>));
    return inbox;
  }

  /** The data of everything that came. */
  get data(): readonly (Data | undefined)[] {
    return this.all.map((message) => message.data);
  }

  /** The oldest message that was not taken yet, as soon as there is one. Rejects when none comes in time. */
  next({ within = PATIENCE }: Patience = {}): Promise<Message<Data>> {
    const message = this.#untaken.shift();
    if (message) return Promise.resolve(message);
    let take: (message: Message<Data>) => void = () => undefined;
    const arrival = new Promise<Message<Data>>((resolve) => {
      take = resolve;
    });
    this.#waiting.push(take);
    return inTime(arrival, within, () => {
      this.#waiting = this.#waiting.filter((other) => other !== take);
      return `Nothing more came on ${this.channel} within ${within} ms. What came: ${this.#seen()}`;
    });
  }

  /** The next `count` messages. */
  async take(count: number, patience: Patience = {}): Promise<Message<Data>[]> {
    const taken: Message<Data>[] = [];
    while (taken.length < count) taken.push(await this.next(patience));
    return taken;
  }

  /**
   * Rejects when there is a message that nobody took, or when one comes that the server has sent by now. To know that, the
   * client publishes to itself on `/testing/echo/…` and waits for the echo, which arrives after all that was sent before:
   * the server must allow that.
   */
  async expectNothing({ within = PATIENCE }: Patience = {}): Promise<void> {
    await inTime(this.#echo(), within, () => `No echo came on ${this.channel} within ${within} ms`);
    if (this.#untaken.length === 0) return;
    const found = this.#untaken.map((message) => JSON.stringify(message)).join('\n  ');
    throw new Error(`Expected nothing on ${this.channel}, got:\n  ${found}`);
  }

  /** Ends the subscription. */
  async close(): Promise<void> {
    const end = this.#end;
    this.#end = undefined;
    await end?.();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #echo(): Promise<void> {
    const channel = this.#echoChannel;
    let heard: () => void = () => undefined;
    const echo = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const end = await this.#ways.listen(channel, () => heard());
    try {
      await this.#ways.publish(channel, null);
      await echo;
    } finally {
      await end();
    }
  }

  #arrived(message: Message<Data>): void {
    this.all.push(message);
    const take = this.#waiting.shift();
    if (take) take(message);
    else this.#untaken.push(message);
  }

  #seen(): string {
    return this.all.map((message) => JSON.stringify(message)).join('\n  ') || 'nothing';
  }
}

/** A `BayeuxClient` with any channels. */
export type TypedClient = Pick<BayeuxClient, 'id' | 'isHandshook' | 'status' | 'waitFor'>;

/** The channels that a typed client was made for, whichever entry it is from: the compiler infers them for its own class alone. */
export type ChannelsOf<Client> =
  Client extends NodeClient<infer Channels>
    ? ChannelMap extends Channels
      ? Client extends BayeuxClient<infer OfBrowsers>
        ? OfBrowsers
        : AnyChannels
      : Channels
    : AnyChannels;

/**
 * Subscribes a client to a channel and collects what comes; resolves when the server has confirmed. On service and meta
 * channels, which have no subscribers, it listens. Rejects when the server refuses.
 */
export async function received<Client extends TypedClient, Name extends string>(
  client: Client,
  channel: Name,
): Promise<Inbox<DataOf<ChannelsOf<Client>, Name>>>;
export async function received<Data = unknown>(client: CometD, channel: string): Promise<Inbox<Data>>;
export async function received(client: TypedClient | CometD, channel: string): Promise<Inbox> {
  return Inbox.open(channel, 'getChannel' in client ? waysOf(client as BayeuxClient) : waysOfCometD(client as CometD));
}

function isBroadcast(channel: string): boolean {
  return !/^\/(meta|service)\//.test(channel);
}

function waysOf(client: BayeuxClient): Ways {
  return {
    listen: async (name, listener) => {
      const channel = client.getChannel(name);
      if (!isBroadcast(name)) {
        const { remove } = channel.addListener(listener);
        return remove;
      }
      await channel.subscribe(listener);
      return () => (client.isHandshook ? channel.unsubscribe(listener) : undefined);
    },
    publish: (name, data) => client.getChannel(name).publish(data),
  };
}

function waysOfCometD(cometd: CometD): Ways {
  return {
    listen: (name, listener) => {
      if (!isBroadcast(name)) {
        const handle = cometd.addListener(name, listener);
        return Promise.resolve(() => cometd.removeListener(handle));
      }
      return new Promise((resolve, reject) => {
        const handle = cometd.subscribe(name, listener, (reply: Message) => {
          if (!reply.successful) return reject(new Error(`The subscription to ${name} failed: ${reply.error}`));
          resolve(() => (cometd.isDisconnected() ? undefined : cometd.unsubscribe(handle)));
        });
      });
    },
    publish: (name, data) =>
      new Promise((resolve, reject) => {
        cometd.publish(name, data as object, (reply: Message) => {
          if (reply.successful) resolve(reply);
          else reject(new Error(`The publication to ${name} failed: ${reply.error}`));
        });
      }),
  };
}
