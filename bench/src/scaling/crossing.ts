/** What a message costs that crosses from one node of a mesh to another: both nodes in this process, and nothing else. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Oort } from '@cometd-ts/oort';
import { meshEngine } from '@cometd-ts/oort/mesh';
import { BayeuxServer } from '@cometd-ts/server';

/** Messages that make the code warm, and those that are measured. */
const COUNT = 20_000;
const CHANNEL = '/quiet';

interface Node {
  readonly server: BayeuxServer;
  readonly oort: Oort;
  readonly http: Server;
}

/** CPU of both nodes for a message in µs, from its publish to its arrival, when so many are on their way. */
export async function crossing(inFlight: number, ack = false): Promise<number> {
  const [here, there] = [await node(ack), await node(ack)];
  try {
    const joined = new Promise<void>((resolve) => {
      here.oort.addListener('cometJoined', () => resolve());
    });
    there.oort.observeComet(here.oort.url);
    await joined;
    const speaker = here.server.newLocalSession('speaker');
    await speaker.handshake();
    const publish = (): unknown => speaker.getChannel(CHANNEL).publish({ text: 'x'.repeat(50) });
    let onArrival: () => void = () => undefined;
    there.server.createChannelIfAbsent(CHANNEL).channel.addListener('message', () => onArrival());
    const pass = (count: number): Promise<void> =>
      new Promise((resolve) => {
        let [sent, arrived] = [0, 0];
        const more = (): void => {
          for (; sent < count && sent - arrived < inFlight; sent++) void publish();
          if (arrived === count) resolve();
        };
        onArrival = () => {
          arrived++;
          more();
        };
        more();
      });
    await pass(COUNT);
    const before = process.cpuUsage();
    await pass(COUNT);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / COUNT;
  } finally {
    for (const { oort, server, http } of [here, there]) {
      await oort.stop();
      await server.stop();
      http.close();
      http.closeAllConnections();
    }
  }
}

async function node(ack: boolean): Promise<Node> {
  const server = new BayeuxServer({ maxPublishRate: -1, maxMessageSize: 1_048_576 });
  const http = createServer();
  server.attach(http);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/cometd`;
  const oort = new Oort(server, { url, channels: ['/**'], engine: meshEngine({ secret: 'bench', ack, binary: true }) });
  await oort.start();
  return { server, oort, http };
}
