/** The supervisor, as a worker hears and tells it. */
import { EventEmitter, once } from 'node:events';
import type { Socket } from 'node:net';
import type { Order, Page, Report } from './words.ts';

type Of<Say extends Order['say']> = Extract<Order, { readonly say: Say }>;
type Orders = { [Say in Order['say']]: [Of<Say>, Socket?] };

export class SupervisorLink {
  readonly #orders: EventEmitter<Orders> = new EventEmitter();
  readonly #asked: Map<number, (page: Page) => void> = new Map();
  /** What this worker is to be. */
  readonly begin: Promise<Of<'begin'>>;
  /** Clients may come. */
  readonly listen: Promise<Of<'listen'>>;
  /** It is to end. */
  readonly end: Promise<Of<'end'>>;
  #ids = 0;

  constructor() {
    this.begin = this.#next('begin');
    this.listen = this.#next('listen');
    this.end = this.#next('end');
    process.on('message', (order: Order, connection?: Socket) =>
      this.#orders.emit(order.say, order as never, connection as never),
    );
    this.on('page', ({ id, page }) => {
      this.#asked.get(id)?.(page);
      this.#asked.delete(id);
    });
    void this.tell({ say: 'here' });
  }

  /** The connection is there with the order `take`, unless it broke on the way. */
  on<Say extends Order['say']>(say: Say, act: (order: Of<Say>, connection?: Socket) => void): void {
    this.#orders.on(say as never, act as never);
  }

  async #next<Say extends Order['say']>(say: Say): Promise<Of<Say>> {
    const [order] = await once(this.#orders, say);
    return order as Of<Say>;
  }

  /** Resolves when it has been said, or nobody is there any more: then this process ends, too. */
  tell(report: Report): Promise<void> {
    return new Promise((resolve) => {
      if (process.send && process.connected) process.send(report, () => resolve());
      else resolve();
    });
  }

  /** A page of management; the supervisor has them all. */
  page(name: string): Promise<Page> {
    const id = ++this.#ids;
    const page = new Promise<Page>((resolve) => this.#asked.set(id, resolve));
    void this.tell({ say: 'asked', id, name });
    return page;
  }
}
