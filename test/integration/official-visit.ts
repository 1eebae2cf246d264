/**
 * What the official CometD client does on a visit to a server. The function holds everything it needs, so that it also
 * runs inside a browser's page.
 */

/** The part of the official client's API that a visit uses; 7.x and 9.x share it. */
export interface OfficialClient {
  configure(options: object): void;
  unregisterTransport(name: string): unknown;
  getTransport(): { getType?: () => string; type?: string };
  handshake(done: (reply: Reply) => void): void;
  subscribe(channel: string, heard: (event: Reply) => void, done?: (reply: Reply) => void): object;
  unsubscribe(subscription: object, done: (reply: Reply) => void): void;
  publish(channel: string, data: unknown, done?: (reply: Reply) => void): void;
  batch(block: () => void): void;
  remoteCall(target: string, data: unknown, timeout: number, done: (reply: Reply) => void): void;
  addListener(channel: string, heard: (message: Reply) => void): void;
  disconnect(done: (reply: Reply) => void): void;
  isDisconnected(): boolean;
}

export interface Reply {
  successful?: boolean;
  data?: unknown;
  error?: string;
  channel?: string;
}

export interface Visit {
  readonly url: string;
  readonly transport: string;
  /** Ends the server and starts one with an empty memory at the same address. */
  readonly restart: () => Promise<void>;
}

/** Everything the client was told, step by step. */
export async function officialVisit(client: OfficialClient, visit: Visit): Promise<Record<string, unknown>> {
  const report: Record<string, unknown> = {};
  const heard: string[] = [];
  const idle = () => undefined;
  let look: () => void = idle;
  const hear = (ear: string) => (event: Reply) => {
    heard.push(`${ear} ${event.channel} ${JSON.stringify(event.data)}`);
    look();
  };
  const step = <Value>(name: string, act: (done: (value: Value) => void) => void): Promise<Value> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name}: no answer. Heard: ${heard.join(', ')}`)), 10_000);
      act((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  const hearing = (count: number) =>
    step<string[]>(`hearing ${count} events`, (done) => {
      look = () => {
        if (heard.length < count) return;
        look = idle;
        done(heard.splice(0));
      };
      look();
    });

  for (const name of ['websocket', 'long-polling', 'callback-polling']) {
    if (name !== visit.transport) client.unregisterTransport(name);
  }
  client.configure({ url: visit.url, logLevel: 'error', backoffIncrement: 50, maxBackoff: 200, maxNetworkDelay: 5000 });

  report.handshake = (await step<Reply>('handshake', (done) => client.handshake(done))).successful;

  const subscribe = (channel: string, ear: string) => {
    let subscription: object = {};
    return step<Reply>(`subscribe ${channel}`, (done) => {
      subscription = client.subscribe(channel, hear(ear), done);
    }).then((reply) => ({ subscription, successful: reply.successful }));
  };
  const room = await subscribe('/room/a', 'room');
  report.subscribe = room.successful;
  report.publish = (await step<Reply>('publish', (done) => client.publish('/room/a', { n: 1 }, done))).successful;
  report.event = await hearing(1);

  report.wildcard = (await subscribe('/room/*', 'rooms')).successful;
  report.deepWildcard = (await subscribe('/room/**', 'house')).successful;
  client.publish('/room/a', 2);
  client.publish('/room/b/c', 3);
  report.wildcardEvents = (await hearing(4)).sort();

  report.unsubscribe = (
    await step<Reply>('unsubscribe', (done) => client.unsubscribe(room.subscription, done))
  ).successful;
  client.batch(() => {
    for (let n = 1; n <= 5; n++) client.publish('/hall/x/y', n);
    client.subscribe('/hall/**', hear('hall'));
    for (let n = 6; n <= 10; n++) client.publish('/hall/x/y', n);
  });
  report.batch = await hearing(5);

  const call = (target: string) =>
    step<Reply>(`remote call ${target}`, (done) => client.remoteCall(target, { question: 42 }, 5000, done));
  const answer = await call('echo');
  report.remoteCall = [answer.successful, answer.data];

  const denied = await step<Reply>('forbidden publish', (done) => client.publish('/meta/foo', 1, done)).catch(
    (error: Error) => ({ successful: false, error: error.message }),
  );
  report.denied = denied.successful;

  const again = step<Reply>('handshake after the restart', (done) => {
    client.addListener('/meta/handshake', (reply) => {
      if (reply.successful) done(reply);
    });
  });
  await visit.restart();
  report.reconnect = (await again).successful;
  report.subscribeAgain = (await subscribe('/room/z', 'again')).successful;
  heard.splice(0);
  client.publish('/room/z', 'back');
  report.eventAgain = (await hearing(1))[0];

  report.disconnect = (await step<Reply>('disconnect', (done) => client.disconnect(done))).successful;
  report.disconnected = client.isDisconnected();
  return report;
}

/** What the report says when the server did everything right. */
export const goodVisit: Readonly<Record<string, unknown>> = {
  handshake: true,
  subscribe: true,
  publish: true,
  event: ['room /room/a {"n":1}'],
  wildcard: true,
  deepWildcard: true,
  wildcardEvents: ['house /room/a 2', 'house /room/b/c 3', 'room /room/a 2', 'rooms /room/a 2'],
  unsubscribe: true,
  batch: [6, 7, 8, 9, 10].map((n) => `hall /hall/x/y ${n}`),
  remoteCall: [true, { question: 42 }],
  denied: false,
  reconnect: true,
  subscribeAgain: true,
  eventAgain: 'again /room/z "back"',
  disconnect: true,
  disconnected: true,
};
