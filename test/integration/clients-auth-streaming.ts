/**
 * A server with the habits of the Streaming API of Salesforce: long-polling only, two cookies that must come back, tokens
 * that expire in the middle of a session, error codes of its own, and events that are kept and replayed on request.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { WireMessage } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';

interface Session {
  readonly browser: string;
  readonly subscriptions: Set<string>;
  queue: WireMessage[];
  /** Answers the connect that is held. */
  release?: (() => void) | undefined;
}

interface Kept {
  readonly channel: string;
  readonly replayId: number;
  readonly event: WireMessage;
}

const none = { reconnect: 'none', interval: 0 };

export class StreamingServer {
  /** The version in the path has a dot, which must not get anything appended. */
  readonly url: string;
  readonly tokens: Set<string> = new Set();
  /** What came, oldest first. */
  readonly asked: WireMessage[] = [];
  readonly paths: Set<string> = new Set();
  /** Handshakes that were let in, by token. */
  readonly handshakes: string[] = [];
  /** Whether a bare disconnect goes before the refusal of a connect whose token has expired. */
  farewell = false;
  /** How long a connect is held, in ms. */
  hold = 5000;
  readonly #sessions: Map<string, Session> = new Map();
  readonly #kept: Kept[] = [];
  #replayId = 0;
  #count = 0;

  static async start(...tokens: string[]): Promise<StreamingServer> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new StreamingServer(http, tokens);
  }

  private constructor(http: Server, tokens: readonly string[]) {
    for (const token of tokens) this.tokens.add(token);
    this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/cometd/60.0`;
    const sockets = new Set<Socket>();
    http.on('connection', (socket) => sockets.add(socket));
    http.on('request', (request, response) => {
      this.paths.add(`${request.url}`);
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => this.#serve(request, body, response));
    });
    onTestFinished(async () => {
      const closed = new Promise((resolve) => http.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    });
  }

  /** An event for all who subscribe to its channel, and for those who come back for it. Ids have gaps. */
  emit(channel: string, payload: unknown): number {
    this.#replayId += 1 + (this.#replayId % 3);
    const replayId = this.#replayId;
    const event = { channel, data: { schema: 'x', payload, event: { replayId } } };
    this.#kept.push({ channel, replayId, event });
    for (const session of this.#sessions.values()) {
      if (!session.subscriptions.has(channel)) continue;
      session.queue.push(event);
      session.release?.();
    }
    return replayId;
  }

  /** The token is good no more: a held connect says so. */
  revoke(token: string): void {
    this.tokens.delete(token);
    for (const session of this.#sessions.values()) session.release?.();
  }

  /** The instance moved: sessions are forgotten. */
  forget(): void {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { release } of sessions) release?.();
  }

  /** Events before this one are no longer kept. */
  expire(replayId: number): void {
    while (this.#kept[0] && this.#kept[0].replayId < replayId) this.#kept.shift();
  }

  #serve(request: IncomingMessage, body: string, response: ServerResponse): void {
    const messages = [JSON.parse(body) as WireMessage | WireMessage[]].flat();
    this.asked.push(...messages);
    const cookies = new Map(
      `${request.headers.cookie ?? ''}`.split('; ').map((pair) => pair.split('=') as [string, string]),
    );
    const token = `${request.headers.authorization ?? ''}`.replace('Bearer ', '');
    const replies: WireMessage[] = [];
    const answer = (): void => {
      response.setHeader('content-type', 'application/json;charset=UTF-8');
      response.end(JSON.stringify(replies));
    };
    if (token === '') {
      // Neither an id nor a channel.
      replies.push({ successful: false, error: '401::Request requires authentication', advice: none });
      answer();
      return;
    }
    for (const message of messages) {
      if (message.channel === '/meta/handshake') replies.push(this.#handshake(message, token, cookies, response));
      else if (message.channel === '/meta/connect') {
        this.#connect(message, token, cookies, replies, answer);
        return;
      } else replies.push(...this.#other(message, cookies));
    }
    answer();
  }

  #handshake(
    { id, ext }: WireMessage,
    token: string,
    cookies: ReadonlyMap<string, string>,
    response: ServerResponse,
  ): WireMessage {
    const about = { id, channel: '/meta/handshake' } as WireMessage;
    if (!this.tokens.has(token)) {
      const sfdc = { failureReason: '401::Authentication invalid' };
      return { ...about, successful: false, error: '403::Handshake denied', ext: { sfdc }, advice: none };
    }
    this.handshakes.push(token);
    const browser = cookies.get('browser') ?? `b${++this.#count}`;
    const clientId = `c${++this.#count}`;
    this.#sessions.set(clientId, { browser, subscriptions: new Set(), queue: [] });
    response.setHeader('set-cookie', [`browser=${browser}; Path=/; HttpOnly`, 'node=n1; Path=/cometd']);
    // No advice: what was advised before must not be believed any more.
    return {
      ...about,
      successful: true,
      version: '1.0',
      minimumVersion: '1.0',
      clientId,
      supportedConnectionTypes: ['long-polling'],
      ...(ext?.replay === true && { ext: { replay: true, 'payload.format': true } }),
    };
  }

  #sessionOf({ clientId = '' }: WireMessage, cookies: ReadonlyMap<string, string>): Session | undefined {
    // Without its cookies a request reaches another node, which knows nothing.
    const session = cookies.get('node') === 'n1' ? this.#sessions.get(clientId) : undefined;
    return session?.browser === cookies.get('browser') ? session : undefined;
  }

  #connect(
    message: WireMessage,
    token: string,
    cookies: ReadonlyMap<string, string>,
    replies: WireMessage[],
    answer: () => void,
  ): void {
    const { id, clientId = '', connectionType, advice } = message;
    const about = { id, channel: '/meta/connect', clientId } as WireMessage;
    const session = this.#sessionOf(message, cookies);
    const finish = (): void => {
      clearTimeout(timer);
      if (session) session.release = undefined;
      if (!this.tokens.has(token)) {
        this.#sessions.delete(clientId);
        if (this.farewell) replies.push({ channel: '/meta/disconnect', clientId });
        replies.push({ ...about, successful: false, error: '401::Authentication invalid', advice: none });
      } else if (!session || this.#sessions.get(clientId) !== session) {
        const again = { reconnect: 'handshake', interval: 0 };
        replies.push({ ...about, successful: false, error: '403::Unknown client', advice: again });
      } else if (connectionType !== 'long-polling') {
        replies.push({ ...about, successful: false, error: '400::Invalid connection type' });
      } else {
        replies.push(...session.queue.splice(0));
        const retry = { reconnect: 'retry', interval: 0, timeout: this.hold };
        replies.push({ ...about, successful: true, ...(advice?.timeout === 0 && { advice: retry }) });
      }
      answer();
    };
    const timer = setTimeout(finish, this.hold);
    if (!session || !this.tokens.has(token) || session.queue.length > 0 || advice?.timeout === 0) finish();
    else session.release = finish;
  }

  #other(message: WireMessage, cookies: ReadonlyMap<string, string>): WireMessage[] {
    const { id, channel = '', clientId = '', subscription, ext } = message;
    const about = { id, channel, clientId, ...(subscription !== undefined && { subscription }) } as WireMessage;
    const session = this.#sessionOf(message, cookies);
    if (!session) return [{ ...about, successful: false, error: '403::Unknown client' }];
    const yes = { ...about, successful: true };
    if (channel === '/meta/disconnect') {
      session.release?.();
      this.#sessions.delete(clientId);
    } else if (channel === '/meta/unsubscribe') session.subscriptions.delete(`${subscription}`);
    else if (channel === '/meta/subscribe') {
      const name = `${subscription}`;
      const from = (ext?.replay as Record<string, number> | undefined)?.[name] ?? -1;
      const oldest = this.#kept[0]?.replayId ?? this.#replayId + 1;
      if (from >= 0 && from < oldest - 3) {
        const error = `400::The replayId {${from}} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.`;
        return [{ ...about, successful: false, error }];
      }
      session.subscriptions.add(name);
      const missed = from === -1 ? [] : this.#kept.filter((one) => one.channel === name && one.replayId > from);
      session.queue.push(...missed.map(({ event }) => event));
      if (missed.length > 0) session.release?.();
    } else return [{ ...about, successful: false, error: '403::Publish denied' }];
    return [yes];
  }
}
