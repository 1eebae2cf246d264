/** Clients that cost the load as little as they can: one for each way to a server. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';

const handshake = JSON.stringify([
  {
    id: '0',
    channel: '/meta/handshake',
    version: '1.0',
    supportedConnectionTypes: ['websocket', 'long-polling'],
  },
]);
const text = 'x'.repeat(50);

/** A session over WebSocket. */
export class Talker {
  readonly #socket: WebSocket;
  readonly #clientId: string;
  /** Messages of channels that have come. */
  heard = 0;
  #onMessage: (text: string) => void = () => undefined;

  static async open(port: number): Promise<Talker> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/cometd`, { perMessageDeflate: false });
    await once(socket, 'open');
    socket.send(handshake);
    const [data] = await once(socket, 'message');
    const talker = new Talker(socket, JSON.parse(String(data))[0].clientId);
    socket.send(talker.#message('/meta/connect', { connectionType: 'websocket', advice: { timeout: 0 } }));
    await once(socket, 'message');
    socket.send(talker.#message('/meta/connect', { connectionType: 'websocket' }));
    return talker;
  }

  constructor(socket: WebSocket, clientId: string) {
    this.#socket = socket;
    this.#clientId = clientId;
    socket.on('message', (data: Buffer) => this.#onMessage(data.toString('latin1')));
  }

  async subscribe(channel: string): Promise<void> {
    this.#socket.send(this.#message('/meta/subscribe', { subscription: channel }));
    await once(this.#socket, 'message');
  }

  /** Publishes again with each reply, for so many ms; answers how often. */
  publish(channel: string, time: number): Promise<number> {
    const message = this.#message(channel, { data: { text } });
    const end = performance.now() + time;
    let count = 0;
    return new Promise((resolve) => {
      this.#onMessage = (answer) => {
        if (!answer.includes('"successful":true')) throw new Error(`Refused: ${answer}`);
        count++;
        if (performance.now() < end) this.#socket.send(message);
        else resolve(count);
      };
      this.#socket.send(message);
    });
  }

  /** Publishes again when all have heard it, for so many ms; answers how many have heard something. */
  fanOut(channel: string, hearers: readonly Talker[], time: number): Promise<number> {
    const message = this.#message(channel, { data: { text } });
    const end = performance.now() + time;
    let count = 0;
    this.#onMessage = () => undefined;
    return new Promise((resolve) => {
      for (const hearer of hearers) {
        hearer.#onMessage = () => {
          count++;
          if (count % hearers.length !== 0) return;
          if (performance.now() < end) this.#socket.send(message);
          else resolve(count);
        };
      }
      this.#socket.send(message);
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  #message(channel: string, fields: object): string {
    return JSON.stringify([{ id: '1', channel, clientId: this.#clientId, ...fields }]);
  }
}

/** A session over long-polling that publishes on one connection, which is with the worker of its session, or with another. */
export class Poller {
  readonly #socket: Socket;
  readonly #cookie: string;
  readonly #clientId: string;

  /** With workers that take connections in turn: `own` skips all others, `foreign` none. */
  static async open(port: number, where: 'own' | 'foreign', workers: number): Promise<Poller> {
    const first = connect(port, '127.0.0.1');
    await once(first, 'connect');
    first.write(post(handshake, ''));
    const answer = await answered(first);
    const cookie = /set-cookie: ([^;\r]+)/i.exec(answer)?.[1] ?? '';
    const clientId = /"clientId":"([^"]+)"/.exec(answer)?.[1] ?? '';
    const passed: Socket[] = [];
    for (let each = 1; where === 'own' && each < workers; each++) passed.push(connect(port, '127.0.0.1'));
    for (const socket of passed) {
      await once(socket, 'connect');
      socket.write(post('[]', ''));
      await once(socket, 'data');
    }
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const poller = new Poller(socket, cookie, clientId);
    socket.write(poller.#request('/meta/connect', { connectionType: 'long-polling', advice: { timeout: 0 } }));
    await answered(socket);
    for (const one of [first, ...passed]) one.destroy();
    return poller;
  }

  constructor(socket: Socket, cookie: string, clientId: string) {
    this.#socket = socket;
    this.#cookie = cookie;
    this.#clientId = clientId;
  }

  /** Publishes again with each reply, for so many ms; answers how often. */
  async publish(channel: string, time: number): Promise<number> {
    const request = this.#request(channel, { data: { text } });
    const end = performance.now() + time;
    let count = 0;
    while (performance.now() < end) {
      this.#socket.write(request);
      const answer = await answered(this.#socket);
      if (!answer.includes('"successful":true')) throw new Error(`Refused: ${answer}`);
      count++;
    }
    return count;
  }

  close(): void {
    this.#socket.destroy();
  }

  #request(channel: string, fields: object): string {
    return post(JSON.stringify([{ id: '1', channel, clientId: this.#clientId, ...fields }]), this.#cookie);
  }
}

function post(body: string, cookie: string): string {
  return (
    'POST /cometd HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n' +
    `${cookie && `Cookie: ${cookie}\r\n`}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** Answers are small, and come in one piece. */
async function answered(socket: Socket): Promise<string> {
  const [data] = await once(socket, 'data');
  return String(data);
}
