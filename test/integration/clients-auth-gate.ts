/** A Bayeux server behind a gate that looks at the Authorization field of every request and upgrade, as proxies do. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { BayeuxServer } from '@cometd-ts/server';
import { furnish } from '@cometd-ts/testkit';
import { onTestFinished } from 'vitest';

export class Gate {
  readonly bayeux: BayeuxServer = new BayeuxServer({ timeout: 5000, sweepPeriod: 100 });
  readonly url: string;
  /** Who may pass. */
  readonly tokens: Set<string> = new Set();
  /** What the others get. */
  status: 401 | 403 = 401;
  /** Whether WebSockets may pass at all. */
  webSockets = true;
  /** The tokens that were shown, in order, with how they fared. */
  readonly shown: string[] = [];
  readonly #sockets: Set<Socket> = new Set();

  static async open(...tokens: string[]): Promise<Gate> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new Gate(http, tokens);
  }

  private constructor(http: Server, tokens: readonly string[]) {
    for (const token of tokens) this.tokens.add(token);
    furnish(this.bayeux);
    this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/cometd`;
    http.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    http.on('request', (request, response) => {
      if (this.#lets(request)) this.bayeux.handleRequest(request, response);
      else response.writeHead(this.status).end('<h1>You shall not pass</h1>');
    });
    http.on('upgrade', (request, socket, head) => {
      if (this.#lets(request) && this.webSockets) this.bayeux.handleUpgrade(request, socket, head);
      else socket.end(`HTTP/1.1 ${this.status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
    onTestFinished(async () => {
      await this.bayeux.stop();
      const closed = new Promise((resolve) => http.close(resolve));
      this.#cut();
      await closed;
    });
  }

  /** From now on only these pass; connections that are open end. */
  change(...tokens: string[]): void {
    this.tokens.clear();
    for (const token of tokens) this.tokens.add(token);
    this.#cut();
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #lets({ headers }: IncomingMessage): boolean {
    const token = `${headers.authorization}`.replace('Bearer ', '');
    const passes = this.tokens.has(token);
    this.shown.push(passes ? token : `${token}!`);
    return passes;
  }
}

/** Credentials with a token that is numbered by the call: `token-1`, `token-2` and so on; and the reasons given. */
export class Office {
  readonly reasons: (Error | null)[] = [];

  readonly auth = async ({
    reason,
  }: {
    readonly reason: Error | null;
  }): Promise<{
    headers: Record<string, string>;
    ext: Record<string, unknown>;
  }> => {
    this.reasons.push(reason);
    const token = `token-${this.reasons.length}`;
    return { headers: { authorization: `Bearer ${token}` }, ext: { token } };
  };
}
