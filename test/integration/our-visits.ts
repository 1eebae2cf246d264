/** What our two clients do on a visit to a server, ours or another's, in Node.js. */
import type { BayeuxClient, CometD, Message } from '@cometd-ts/client/node';

export interface OurVisit {
  readonly url: string;
  readonly transport: 'websocket' | 'long-polling';
  /** The server answers `/service/echo` like a remote call. */
  readonly calls: boolean;
  /** The server delivers a message once for each subscription that matches, not once for all. Default false. */
  readonly repeats?: boolean;
  /** Ends the server and starts one with an empty memory at the same address. */
  readonly restart: () => Promise<void>;
}

/** Pauses that a test can wait for. */
export const hasty = { backoffIncrement: 50, maxBackoff: 200, maxNetworkDelay: 5000, logLevel: 'error' } as const;

/** Waits for things to be heard, ten seconds at most. */
class Ears {
  readonly heard: string[] = [];
  #look: () => void = () => undefined;

  hear(ear: string, message: Message): void {
    this.heard.push(`${ear} ${message.channel} ${JSON.stringify(message.data)}`);
    this.#look();
  }

  async take(count: number): Promise<string[]> {
    await within<void>(`hearing ${count} events`, (done) => {
      this.#look = () => {
        if (this.heard.length >= count) done();
      };
      this.#look();
    });
    return this.heard.splice(0);
  }

  /** The same, in any order, each event once. */
  async takeSome(count: number): Promise<string[]> {
    return [...new Set(await this.take(count))].sort();
  }
}

/** What `act` is told. Awaited at once, or else nobody hears of it in time. */
function within<Value>(name: string, act: (done: (value: Value) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name}: not within 10 s`)), 10_000);
    act((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

/** The typed client: it renews its subscriptions by itself. */
export async function typedVisit(client: BayeuxClient, visit: OurVisit): Promise<Record<string, unknown>> {
  const report: Record<string, unknown> = {};
  const ears = new Ears();
  const told: string[] = [];
  client.addListener('status', ({ type }) => told.push(type));
  const hear = (ear: string) => (message: Message) => ears.hear(ear, message);
  const good = async (promise: Promise<Message>): Promise<unknown> => (await promise).successful;

  report.handshake = await good(client.handshake());
  await client.waitFor('connected', { timeout: 10_000 });
  report.transport = client.transport;
  const room = client.getChannel('/room/a');
  const inRoom = hear('room');
  report.subscribe = await good(room.subscribe(inRoom));
  report.publish = await good(room.publish({ n: 1 }));
  report.event = await ears.take(1);

  await client.getChannel('/room/*').subscribe(hear('rooms'));
  await client.getChannel('/room/**').subscribe(hear('house'));
  await Promise.all([room.publish(2), client.getChannel('/room/b/c').publish(3)]);
  report.wildcardEvents = await ears.takeSome(visit.repeats ? 10 : 4);

  report.unsubscribe = await good(room.unsubscribe(inRoom));
  const hall = client.getChannel('/hall/x');
  const batch: Promise<unknown>[] = [];
  client.batch(() => {
    batch.push(hall.subscribe(hear('hall')));
    for (let n = 1; n <= 5; n++) batch.push(hall.publish(n));
  });
  await Promise.all(batch);
  report.batch = await ears.take(5);
  if (visit.calls) report.remoteCall = await client.remoteCall('/echo', { question: 42 });

  const from = told.length;
  const again = new Promise<void>((resolve) => {
    client.addListener('status', (status) => {
      if (status.type === 'connected') resolve();
    });
  });
  const restored = new Promise<void>((resolve) => client.addListener('restored', () => resolve()));
  await visit.restart();
  // How long the server takes to start is not the client's fault.
  await Promise.all([
    within<void>('the reconnection', (done) => void again.then(done)),
    within<void>('the renewed subscriptions', (done) => void restored.then(done)),
  ]);
  report.toldOfTheLoss = told.slice(from).includes('session-lost') && told.at(-1) === 'connected';
  // Hearing it takes the renewed subscription.
  await hall.publish('back');
  report.eventAgain = await ears.take(1);

  await client.disconnect();
  report.disconnected = client.state;
  return report;
}

/** What the typed client reports when all is well. */
export function goodTypedVisit({ transport, calls }: Pick<OurVisit, 'transport' | 'calls'>): Record<string, unknown> {
  return {
    handshake: true,
    transport,
    subscribe: true,
    publish: true,
    event: ['room /room/a {"n":1}'],
    wildcardEvents: ['house /room/a 2', 'house /room/b/c 3', 'room /room/a 2', 'rooms /room/a 2'],
    unsubscribe: true,
    batch: [1, 2, 3, 4, 5].map((n) => `hall /hall/x ${n}`),
    ...(calls && { remoteCall: { question: 42 } }),
    toldOfTheLoss: true,
    eventAgain: ['hall /hall/x "back"'],
    disconnected: 'disconnected',
  };
}

/** The CometD face: the application renews its subscriptions in its handshake listener. */
export async function cometdVisit(cometd: CometD, visit: OurVisit): Promise<Record<string, unknown>> {
  const report: Record<string, unknown> = {};
  const ears = new Ears();
  const hear = (ear: string) => (message: Message) => ears.hear(ear, message);
  for (const type of cometd.getTransportTypes()) if (type !== visit.transport) cometd.unregisterTransport(type);
  cometd.configure({ url: visit.url, ...hasty });
  const step = (name: string, act: (done: (reply: Message) => void) => void): Promise<Message> =>
    within<Message>(name, act);

  report.handshake = (await step('handshake', (done) => cometd.handshake(done))).successful;
  report.transport = cometd.getTransport()?.type;
  const subscribe = (channel: string, ear: string) => {
    let handle: ReturnType<CometD['subscribe']> | undefined;
    return step(`subscribe ${channel}`, (done) => {
      handle = cometd.subscribe(channel, hear(ear), done);
    }).then((reply) => ({ handle, successful: reply.successful }));
  };
  const publish = (channel: string, data: unknown) =>
    step(`publish ${channel}`, (done) => cometd.publish(channel, data, done));

  const room = await subscribe('/room/a', 'room');
  report.subscribe = room.successful;
  report.publish = (await publish('/room/a', { n: 1 })).successful;
  report.event = await ears.take(1);
  await subscribe('/room/*', 'rooms');
  await subscribe('/room/**', 'house');
  cometd.publish('/room/a', 2);
  cometd.publish('/room/b/c', 3);
  report.wildcardEvents = await ears.takeSome(visit.repeats ? 10 : 4);
  report.unsubscribe = (
    await step('unsubscribe', (done) => room.handle && cometd.unsubscribe(room.handle, done))
  ).successful;
  cometd.batch(() => {
    cometd.subscribe('/hall/x', hear('hall'));
    for (let n = 1; n <= 5; n++) cometd.publish('/hall/x', n);
  });
  report.batch = await ears.take(5);
  if (visit.calls) {
    const answer = await step('a remote call', (done) => cometd.remoteCall('echo', { question: 42 }, 5000, done));
    report.remoteCall = [answer.successful, answer.data];
  }

  const again = new Promise<Message>((resolve) => {
    cometd.addListener('/meta/handshake', (reply: Message) => {
      if (reply.successful) cometd.subscribe('/hall/x', hear('hall'), resolve);
    });
  });
  await visit.restart();
  const answer = await step('the subscription after the restart', (done) => void again.then(done));
  report.subscribeAgain = answer.successful;
  await publish('/hall/x', 'back');
  report.eventAgain = await ears.take(1);
  report.disconnect = (await step('disconnect', (done) => cometd.disconnect(done))).successful;
  report.disconnected = cometd.getStatus();
  return report;
}

/** What the CometD face reports when all is well. */
export function goodCometdVisit(visit: Pick<OurVisit, 'transport' | 'calls'>): Record<string, unknown> {
  const { toldOfTheLoss: _, ...good } = goodTypedVisit(visit);
  return {
    ...good,
    ...(visit.calls && { remoteCall: [true, { question: 42 }] }),
    subscribeAgain: true,
    disconnect: true,
  };
}
