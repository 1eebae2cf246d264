/** Services of the cluster that are decorated services as well: clients call any node, the node in charge answers. */
import { BayeuxClient } from '@cometd-ts/client/node';
import { type Answer, ignore, Oort, OortService, type ServiceRequest, success } from '@cometd-ts/oort';
import {
  type Caller,
  PostConstruct,
  PreDestroy,
  RemoteCall,
  ServerAnnotationProcessor,
  Service,
} from '@cometd-ts/services';
import { launch, MemoryCloud } from '@cometd-ts/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';

@Service('prices')
class Prices extends OortService<string, number> {
  readonly #stock: ReadonlyMap<string, number>;

  constructor(oort: Oort, stock: Record<string, number>) {
    super(oort, 'prices');
    this.#stock = new Map(Object.entries(stock));
  }

  @PostConstruct
  async begin(): Promise<void> {
    await this.start();
  }

  @PreDestroy
  async end(): Promise<void> {
    await this.stop();
  }

  @RemoteCall('price/{item}')
  async price(_: Caller, __: unknown, { item }: { item: string }): Promise<number> {
    return this.call(null, item);
  }

  protected override onForward({ parameter }: ServiceRequest<string>): Answer<number> {
    const price = this.#stock.get(parameter);
    return price === undefined ? ignore() : success(price);
  }
}

describe('a service of the cluster with decorators', () => {
  it('is called at one node, and answered by another', async () => {
    const cloud = new MemoryCloud();
    const nodes = [];
    for (const stock of [{ apple: 2 }, { pear: 3 }]) {
      const { bayeux, url, close } = await launch();
      const oort = new Oort(bayeux, { url, engine: cloud.engine() });
      await oort.start();
      const processor = new ServerAnnotationProcessor(bayeux);
      const prices = new Prices(oort, stock as Record<string, number>);
      await processor.process(prices);
      onTestFinished(async () => {
        await processor.deprocess(prices);
        await oort.stop();
        await close();
      });
      nodes.push({ url, prices });
    }
    await cloud.settled();
    const client = new BayeuxClient(nodes[0]?.url ?? '');
    onTestFinished(() => client.disconnect());
    await client.handshake();
    expect(await client.remoteCall('price/pear', null)).toBe(3);
    expect(await client.remoteCall('price/apple', null)).toBe(2);
    expect(nodes.map(({ prices }) => prices.pendingCount)).toEqual([0, 0]);
  });
});
