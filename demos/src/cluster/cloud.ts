/**
 * The page that shows the cloud, and the buttons on it.
 *
 *   /cloud/state          everybody hears how the nodes are, at every change, and at once when they subscribe
 *   /cloud/events         everybody hears what happens; who comes later gets the last ones
 *   POST /nodes/{name}/kill, POST /nodes/{name}/start, from this page only
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BayeuxServer, deny, grant } from '@cometd-ts/server';
import { lots } from '../auction/catalogue.ts';
import { pages } from '../pages.ts';
import { Fleet } from './fleet.ts';
import type { Way } from './messages.ts';

/** How many events a page that comes later is told. */
const remembered = 60;

interface Told {
  readonly id: number;
  readonly node: string;
  readonly at: number;
  readonly text: string;
}

export interface CloudOptions {
  /** URL of the NATS server that carries the cluster. Default none: the nodes are a mesh. */
  readonly nats?: string | undefined;
  /** What the process of a node runs. Default what is built. */
  readonly file?: string;
}

export class Cloud {
  readonly fleet: Fleet;
  readonly #way: Way;
  readonly #bayeux: BayeuxServer = new BayeuxServer();
  readonly #http: Server;
  #told: readonly Told[] = [];
  #ids = 0;
  #isTelling = false;

  /** @param ports of the nodes, by name */
  constructor(ports: Readonly<Record<string, number>>, { nats, file }: CloudOptions = {}) {
    this.#way =
      nats === undefined
        ? { engine: 'mesh', secret: randomBytes(24).toString('base64url') }
        : { engine: 'nats', servers: nats };
    const events = {
      changed: () => this.#changed(),
      happened: (node: string, at: number, text: string) => this.#happened({ id: ++this.#ids, node, at, text }),
    };
    this.fleet = new Fleet(ports, this.#way, events, file);
    const serve = pages({ folder: 'cloud', shared: ['tokens.css', 'chat.css', 'mark.svg', 'words.js', 'log.js'] });
    this.#http = createServer((request, response) => {
      if (request.method === 'POST') this.#push(request, response);
      else serve(request, response);
    });
    this.#bayeux.createChannelIfAbsent('/cloud/*', (channel) => {
      channel.persistent = true;
      channel.addAuthorizer({
        authorize: (operation, { id }) =>
          operation !== 'PUBLISH' && ['/cloud/state', '/cloud/events'].includes(id) ? grant() : deny('not_yours'),
      });
    });
    this.#bayeux.addListener('subscribed', (session, { id }) => {
      if (id === '/cloud/state') session.deliver(null, id, this.#state);
      if (id === '/cloud/events') session.deliver(null, id, { events: this.#told });
    });
    this.#bayeux.attach(this.#http, { path: '/cometd' });
  }

  /** Listens, and starts the nodes. Resolves with the URL of the page. */
  async start(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject);
      this.#http.listen(port, '127.0.0.1', resolve);
    });
    for (const { name } of this.fleet.nodes) this.fleet.start(name);
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    await this.fleet.close();
    await this.#bayeux.stop();
    this.#http.close();
    this.#http.closeAllConnections();
  }

  get #state(): object {
    const { engine } = this.#way;
    return { engine, nodes: this.fleet.nodes, titles: Object.fromEntries(lots.map(({ id, title }) => [id, title])) };
  }

  /** Once for all that changes in one turn. */
  #changed(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      this.#isTelling = false;
      this.#publish('/cloud/state', this.#state);
    });
  }

  #happened(told: Told): void {
    this.#told = [...this.#told, told].slice(-remembered);
    this.#publish('/cloud/events', { events: [told] });
  }

  #publish(channel: string, data: object): void {
    void this.#bayeux.createChannelIfAbsent(channel).channel.publish(null, data);
  }

  #push(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    const [, name = '', what] = /^\/nodes\/(\w+)\/(kill|start)$/.exec(request.url ?? '') ?? [];
    const status = !isFromOwnPage(request) ? 403 : what === undefined ? 404 : this.#order(what, name) ? 204 : 409;
    response.writeHead(status, { 'Cache-Control': 'no-store' });
    response.end();
  }

  #order(what: string, name: string): boolean {
    return what === 'kill' ? this.fleet.kill(name) : this.fleet.start(name);
  }
}

/** Browsers name the origin of every POST, and pages cannot forge it. The host is ours, and no name that somebody else leads here. */
function isFromOwnPage({ headers: { host = '', origin } }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host) && origin === `http://${host}`;
}
