/** A process with nodes of a cluster on NATS: as many as fit, each a server of its own without clients. Asked by `crowd.ts`. */
import { Oort } from '@cometd-ts/oort';
import { natsEngine } from '@cometd-ts/oort/nats';
import { BayeuxServer } from '@cometd-ts/server';
import { answer } from '../child.ts';

/** What nodes are started with. */
export interface Opening {
  readonly count: number;
  /** What makes the URLs of these nodes differ from those of other processes. */
  readonly name: string;
  /** Servers of NATS, taken in turn. */
  readonly servers: readonly string[];
  /** ms. */
  readonly heartbeat: number;
}

/** Messages that the first node publishes. */
export interface Talk {
  readonly channel: string;
  readonly seconds: number;
  /** Ten are published at a time, so often: ms. */
  readonly every: number;
}

interface Node {
  readonly server: BayeuxServer;
  readonly oort: Oort;
}

/** How many messages are published at a time. */
const BURST = 10;
/** How long messages may take until they are heard, in ms. */
const PATIENCE = 30_000;

const nodes: Node[] = [];
let heard = 0;
let waiting: { readonly is: () => boolean; readonly resolve: () => void }[] = [];

function happened(): void {
  waiting = waiting.filter(({ is, resolve }) => {
    if (!is()) return true;
    resolve();
    return false;
  });
}

function when(is: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    waiting.push({ is, resolve });
    happened();
  });
}

function first(): Node {
  const [node] = nodes;
  if (!node) throw new Error('There is no node here');
  return node;
}

function start(index: number, { name, servers, heartbeat }: Opening): Promise<void> {
  const server = new BayeuxServer({ maxPublishRate: -1, maxSubscribeRate: -1, logLevel: 'error' });
  const engine = natsEngine({ servers: servers[index % servers.length] ?? [], heartbeat, interest: ['/rooms/**'] });
  const oort = new Oort(server, { url: `http://${name}-${index}.invalid/cometd`, engine, channels: ['/all/**'] });
  for (const event of ['cometJoined', 'cometLeft', 'status'] as const) oort.addListener(event, happened);
  server.createChannelIfAbsent('/all/news').channel.addListener('message', () => {
    heard++;
    happened();
    return true;
  });
  nodes.push({ server, oort });
  return oort.start();
}

answer({
  /** All at once, as after a power cut. */
  open: async (opening: Opening) => {
    await Promise.all(Array.from({ length: opening.count }, (_, index) => start(index, opening)));
  },
  /** Resolves when each node is connected, and knows so many others. */
  meet: (others: number) =>
    when(() => nodes.every(({ oort }) => oort.status.state === 'up' && oort.members.length === others)),
  /** Resolves when each node knows that NATS is away. */
  miss: () => when(() => nodes.every(({ oort }) => oort.status.state === 'down')),
  /** How many messages were published. */
  talk: async ({ channel, seconds, every }: Talk): Promise<number> => {
    const speaker = first().server.newLocalSession('speaker');
    await speaker.handshake();
    let count = 0;
    const data = { text: 'x'.repeat(50) };
    await new Promise<void>((resolve) => {
      const end = performance.now() + 1_000 * seconds;
      const timer = setInterval(() => {
        for (let each = 0; each < BURST; each++) void speaker.getChannel(channel).publish(data);
        count += BURST;
        if (performance.now() < end) return;
        clearInterval(timer);
        resolve();
      }, every);
    });
    await speaker.disconnect();
    return count;
  },
  /** Resolves when all nodes together have heard so many messages since they were asked last. */
  hear: async (count: number) => {
    const late = new Promise<never>((_, reject) => {
      const fail = (): void => reject(new Error(`${count} messages were heard ${heard} times`));
      setTimeout(fail, PATIENCE).unref();
    });
    await Promise.race([when(() => heard >= count), late]);
    heard = 0;
  },
  /** One session of the first node subscribes to so many channels. Answers with the bytes that they take here. */
  subscribe: async ({ below, count }: { readonly below: string; readonly count: number }): Promise<number> => {
    const session = first().server.newLocalSession('many');
    await session.handshake();
    const before = weight();
    for (let each = 0; each < count; each++) await session.getChannel(`${below}/${each}`).subscribe(() => undefined);
    return weight() - before;
  },
});

/** Bytes that are in use. */
function weight(): number {
  for (let times = 0; times < 3; times++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
