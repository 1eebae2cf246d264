/** What a Faye client does on a visit to a server. The function holds everything it needs, so that pages can run it too. */

export interface FayeClient {
  disable(feature: string): void;
  connect(done: () => void): void;
  subscribe(channel: string, heard: (data: unknown) => void): PromiseLike<unknown> & { cancel(): void };
  publish(channel: string, data: unknown): PromiseLike<unknown>;
  disconnect(): PromiseLike<unknown>;
}

export interface FayeVisit {
  readonly transport: string;
  readonly restart: () => Promise<void>;
}

export async function fayeVisit(client: FayeClient, visit: FayeVisit): Promise<Record<string, unknown>> {
  const report: Record<string, unknown> = {};
  const heard: string[] = [];
  const idle = () => undefined;
  let look: () => void = idle;
  const hear = (ear: string) => (data: unknown) => {
    heard.push(`${ear} ${JSON.stringify(data)}`);
    look();
  };
  const step = <Value>(name: string, work: PromiseLike<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name}: no answer. Heard: ${heard.join(', ')}`)), 10_000);
      work.then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: Error) => {
          clearTimeout(timer);
          reject(new Error(`${name}: ${error.message}`));
        },
      );
    });
  const worked = (name: string, work: PromiseLike<unknown>) => step(name, work).then(() => true);
  const hearing = (count: number) =>
    step(
      `hearing ${count} events`,
      new Promise<string[]>((resolve) => {
        look = () => {
          if (heard.length < count) return;
          look = idle;
          resolve(heard.splice(0));
        };
        look();
      }),
    );

  // Long-polling cannot be disabled while it carries the handshake of the others.
  if (visit.transport !== 'websocket') client.disable('websocket');
  if (visit.transport === 'callback-polling') client.disable('long-polling');
  client.disable('eventsource');

  report.handshake = await worked('handshake', new Promise<void>((resolve) => client.connect(resolve)));
  const room = client.subscribe('/room/a', hear('room'));
  report.subscribe = await worked('subscribe', room);
  report.publish = await worked('publish', client.publish('/room/a', { n: 1 }));
  report.event = await hearing(1);

  report.wildcard = await worked('subscribe to a wildcard', client.subscribe('/room/*', hear('rooms')));
  report.deepWildcard = await worked('subscribe to a deep wildcard', client.subscribe('/room/**', hear('house')));
  const both = [client.publish('/room/a', 2), client.publish('/room/b/c', 3)];
  report.wildcardPublish = await worked('two publishes', Promise.all(both));
  report.wildcardEvents = (await hearing(4)).sort();

  room.cancel();
  report.subscribeHall = await worked('subscribe to the hall', client.subscribe('/hall/x', hear('hall')));
  // Published in one turn, Faye sends them in one payload where the transport allows it.
  const batch = [1, 2, 3, 4, 5].map((n) => client.publish('/hall/x', n));
  report.batchPublish = await worked('a batch', Promise.all(batch));
  report.batch = await hearing(5);

  report.subscribeService = await worked('subscribe to a service', client.subscribe('/service/echo', hear('echo')));
  report.remoteCall = await worked('a call', client.publish('/service/echo', { question: 42 }));
  report.remoteAnswer = await hearing(1);

  report.denied = await step('a forbidden publish', client.publish('/meta/foo', 1)).catch(
    (error: Error) => error.message,
  );

  await visit.restart();
  // Faye greets the new server and renews its subscriptions by itself, once a connect has told it that it is unknown.
  const insist = async (): Promise<void> => {
    while (!heard.includes('hall "back"')) await client.publish('/hall/x', 'back').then(undefined, () => undefined);
  };
  report.reconnect = await worked('being heard after the restart', insist());

  report.disconnect = await worked('disconnect', client.disconnect());
  return report;
}

export const goodFayeVisit: Readonly<Record<string, unknown>> = {
  handshake: true,
  subscribe: true,
  publish: true,
  event: ['room {"n":1}'],
  wildcard: true,
  deepWildcard: true,
  wildcardPublish: true,
  wildcardEvents: ['house 2', 'house 3', 'room 2', 'rooms 2'],
  subscribeHall: true,
  batchPublish: true,
  batch: [1, 2, 3, 4, 5].map((n) => `hall ${n}`),
  subscribeService: true,
  remoteCall: true,
  remoteAnswer: ['echo {"question":42}'],
  denied: 'a forbidden publish: channel_create_denied',
  reconnect: true,
  disconnect: true,
};
