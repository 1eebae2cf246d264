/** Services on the client, for both faces, on real connections. */
import { BayeuxClient, CometD } from '@cometd-ts/client/node';
import {
  type Client,
  ClientAnnotationProcessor,
  Listener,
  PostConstruct,
  PreDestroy,
  Service,
  Session,
  Subscription,
} from '@cometd-ts/services/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Hotel, openHotel } from './hotel.ts';

@Service
class News {
  readonly heard: unknown[] = [];
  readonly story: string[] = [];
  @Session client!: Client;
  #look: () => void = () => undefined;

  /** Resolves when so much was heard. */
  hears(count: number): Promise<unknown[]> {
    return new Promise((resolve) => {
      this.#look = () => this.heard.length >= count && resolve(this.heard);
      this.#look();
    });
  }

  #hear(what: unknown): void {
    this.heard.push(what);
    this.#look();
  }

  @PostConstruct
  begin(): void {
    this.story.push(`begin ${this.client !== undefined}`);
  }

  @PreDestroy
  end(): void {
    this.story.push('end');
    throw new Error('at the end');
  }

  @Listener('/meta/handshake')
  handshaken({ successful }: { successful?: boolean }): void {
    this.story.push(`handshake ${successful}`);
  }

  @Listener('/service/echo')
  echo({ data }: { data?: unknown }): void {
    if (data !== undefined) this.#hear(['echo', data]);
  }

  @Subscription(['/plain', '/wild/*'])
  plain({ channel, data }: { channel: string; data?: unknown }): void {
    this.#hear([channel, data]);
  }

  @Subscription('/news/{category}/{event}')
  news({ data }: { data?: unknown }, { category, event }: { category: string; event: string }): void {
    this.#hear([category, event, data]);
  }

  @Subscription('/bad')
  async bad(): Promise<never> {
    throw new Error('in a subscription');
  }
}

/** A client that has not begun, and what tests do with it. */
interface Guest {
  readonly client: Client;
  /** What the client, or the processor in its place, tells of errors. */
  readonly exceptions: unknown[];
  readonly processor: ClientAnnotationProcessor;
  handshake(): Promise<unknown>;
  publish(channel: string, data: unknown): Promise<unknown>;
  disconnect(): Promise<unknown>;
}

const quick = { backoffIncrement: 10, maxBackoff: 50, logLevel: 'error' } as const;

function typed(url: string): Guest {
  const client = new BayeuxClient(url, quick);
  const exceptions: unknown[] = [];
  client.addListener('exception', (error) => exceptions.push(error));
  onTestFinished(() => client.abort());
  return {
    client,
    exceptions,
    processor: new ClientAnnotationProcessor(client, { exception: (error) => exceptions.push(error) }),
    handshake: () => client.handshake(),
    publish: (channel, data) => client.getChannel(channel).publish(data),
    disconnect: () => client.disconnect(),
  };
}

function classic(url: string): Guest {
  const cometd = new CometD();
  cometd.configure({ url, ...quick });
  const exceptions: unknown[] = [];
  onTestFinished(
    () => new Promise<void>((resolve) => (cometd.isDisconnected() ? resolve() : cometd.disconnect(() => resolve()))),
  );
  return {
    client: cometd,
    exceptions,
    processor: new ClientAnnotationProcessor(cometd, { exception: (error) => exceptions.push(error) }),
    handshake: () => new Promise((resolve) => cometd.handshake(resolve)),
    publish: (channel, data) => new Promise((resolve) => cometd.publish(channel, data, resolve)),
    disconnect: () => new Promise((resolve) => cometd.disconnect(resolve)),
  };
}

async function open(): Promise<Hotel> {
  const hotel = await openHotel();
  onTestFinished(() => hotel.close());
  return hotel;
}

describe.each([
  ['BayeuxClient', typed],
  ['CometD', classic],
])('a service on %s', (_, guestOf) => {
  it('gets its client, listens at once, and subscribes after the handshake', async () => {
    const guest = guestOf((await open()).url);
    const news = new News();
    expect(guest.processor.process(news)).toBe(true);
    expect(news.client).toBe(guest.client);
    expect(news.story).toEqual(['begin true']);
    await guest.handshake();
    expect(news.story).toEqual(['begin true', 'handshake true']);
    await guest.publish('/plain', 1);
    await guest.publish('/wild/a', 2);
    await guest.publish('/news/sport/ski', 3);
    await guest.publish('/news/sport', 4);
    await guest.publish('/service/echo', 5);
    await guest.publish('/plain', 6);
    expect(await news.hears(5)).toEqual([
      ['/plain', 1],
      ['/wild/a', 2],
      ['sport', 'ski', 3],
      ['echo', 5],
      ['/plain', 6],
    ]);
  });

  it('that comes later subscribes at once', async () => {
    const guest = guestOf((await open()).url);
    await guest.handshake();
    const news = new News();
    guest.processor.process(news);
    await guest.publish('/plain', 1);
    expect(await news.hears(1)).toEqual([['/plain', 1]]);
  });

  it('subscribes again after each later handshake, once', async () => {
    const hotel = await open();
    const guest = guestOf(hotel.url);
    const news = new News();
    guest.processor.process(news);
    await guest.handshake();
    await guest.publish('/plain', 1);
    await news.hears(1);
    await guest.disconnect();
    await guest.handshake();
    await guest.publish('/plain', 2);
    await guest.publish('/plain', 3);
    expect(await news.hears(3)).toEqual([
      ['/plain', 1],
      ['/plain', 2],
      ['/plain', 3],
    ]);
    expect(news.story.filter((line) => line.startsWith('handshake'))).toHaveLength(2);
  });

  it('subscribes again when the server has lost its memory', async () => {
    const hotel = await open();
    const guest = guestOf(hotel.url);
    const news = new News();
    const restored = new Promise<void>((resolve) => {
      let handshakes = 0;
      @Service
      class Watch {
        @Listener('/meta/subscribe')
        subscribed({ successful }: { successful?: boolean }): void {
          if (successful && handshakes === 2) resolve();
        }
        @Listener('/meta/handshake')
        handshaken({ successful }: { successful?: boolean }): void {
          if (successful) handshakes++;
        }
      }
      guest.processor.process(new Watch());
    });
    guest.processor.process(news);
    await guest.handshake();
    await hotel.restart();
    await restored;
    await guest.publish('/plain', 1);
    expect(await news.hears(1)).toEqual([['/plain', 1]]);
  });

  it('hears nothing more when it is unbound', async () => {
    const guest = guestOf((await open()).url);
    const [leaving, staying] = [new News(), new News()];
    guest.processor.process(leaving);
    guest.processor.process(staying);
    await guest.handshake();
    expect(guest.processor.deprocess(leaving)).toBe(true);
    expect(guest.processor.deprocess(leaving)).toBe(false);
    expect(leaving.story.at(-1)).toBe('end');
    expect(guest.exceptions).toEqual([new Error('at the end')]);
    await guest.publish('/plain', 1);
    expect(await staying.hears(1)).toEqual([['/plain', 1]]);
    expect(leaving.heard).toEqual([]);
    expect(guest.processor.process(leaving)).toBe(true);
    await guest.publish('/plain', 2);
    expect(await leaving.hears(1)).toEqual([['/plain', 2]]);
  });

  it('can be unbound when there is no session', async () => {
    const guest = guestOf((await open()).url);
    const news = new News();
    guest.processor.process(news);
    await guest.handshake();
    await guest.disconnect();
    guest.processor.deprocess(news);
    await guest.handshake();
    await guest.publish('/plain', 1);
    await guest.publish('/service/echo', 1);
    expect(news.heard).toEqual([]);
  });

  it('has what its asynchronous methods reject with reported', async () => {
    const guest = guestOf((await open()).url);
    const news = new News();
    guest.processor.process(news);
    await guest.handshake();
    await guest.publish('/bad', 1);
    await guest.publish('/plain', 1);
    await news.hears(1);
    expect(guest.exceptions).toEqual([new Error('in a subscription')]);
  });

  it('is refused when it wants to subscribe to a meta channel, and nothing stays bound', async () => {
    @Service
    class Meta {
      heard = 0;
      @Listener('/meta/handshake')
      hear(): void {
        this.heard++;
      }
      @Subscription('/meta/connect')
      connect(): void {
        this.heard++;
      }
    }
    const guest = guestOf((await open()).url);
    const meta = new Meta();
    expect(() => guest.processor.process(meta)).toThrow('make it a @Listener');
    await guest.handshake();
    expect(meta.heard).toBe(0);
  });

  it('must be one', async () => {
    const guest = guestOf((await open()).url);
    expect(guest.processor.process({})).toBe(false);
    expect(guest.processor.deprocess({})).toBe(false);
    const news = new News();
    guest.processor.process(news);
    expect(() => guest.processor.process(news)).toThrow('bound already');
  });
});
