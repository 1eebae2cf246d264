/** One of several processes that serve one address: a node among the others, and their neighbour. */
import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { BayeuxServer } from '@cometd-ts/server';
import type { ServeArguments } from '../arguments.ts';
import { type Cluster, clustered } from '../cluster.ts';
import { Complaint } from '../complaint.ts';
import { type Configured, configured } from '../config.ts';
import { farewell } from '../farewell.ts';
import { attach, demoPages, furnish, notFound } from '../furnish.ts';
import { createListener } from '../listener.ts';
import { guarded, type ManagementPlace, metricsOf } from '../management.ts';
import { arrivals } from './arrivals.ts';
import { listenInside, openDoor } from './door.ts';
import { reply } from './pages.ts';
import { Street } from './street.ts';
import { SupervisorLink } from './supervisor-link.ts';
import type { How, Place } from './words.ts';

/** How long it may take to become one cluster with the others, in ms. After that this worker serves without them. */
const JOIN_PATIENCE = 5_000;
/** Between two signs of life, in ms. */
const BEAT = 1_000;
/** Bytes of the keys of TLS session tickets. */
const TICKET_KEYS = 48;

/** Serves as the supervisor says. What is wrong with the options is told to it, and to nobody else. */
export async function work(
  given: ServeArguments,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const supervisor = new SupervisorLink();
  try {
    await new Worker(given, await configured(given, environment), supervisor).work();
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    await supervisor.tell({ say: 'failed', reason: error.message });
    process.exit(1);
  }
  process.exit(0);
}

class Worker {
  readonly #given: ServeArguments;
  readonly #bayeux: BayeuxServer;
  readonly #configured: Configured;
  readonly #supervisor: SupervisorLink;
  /** How it is to end, once it is. */
  readonly #ending: Promise<How>;

  constructor(given: ServeArguments, configuration: Configured, supervisor: SupervisorLink) {
    this.#given = given;
    this.#bayeux = configuration.bayeux;
    this.#configured = configuration;
    this.#supervisor = supervisor;
    this.#ending = new Promise((resolve) => {
      void supervisor.end.then(({ how }) => resolve(how));
      process.on('SIGTERM', () => resolve('drain'));
    });
    // Ctrl-C reaches all processes; the supervisor says what is to be done about it.
    process.on('SIGINT', () => undefined);
  }

  async work(): Promise<void> {
    const { workers, place } = this.#configured;
    if (!workers || !process.send) throw new Complaint('COMETD_WORKER is for the processes of cometd serve --workers');
    const bayeux = this.#bayeux;
    const given = this.#given;
    const supervisor = this.#supervisor;
    const { number, secret } = await supervisor.begin;
    const key = Buffer.from(secret, 'hex');
    const street = new Street(number, key);
    bayeux.meet(street);
    const door = await openDoor(key, bayeux.guests);
    const inside = createServer(notFound);
    const leaveInside = farewell(inside);
    attach(bayeux, inside, given);
    const port = await listenInside(inside);
    const own: Place = { url: `http://127.0.0.1:${port}${given.path.replace(/\/?\*?$/, '')}`, door: door.port };
    const { channels, mesh } = workers;
    const alone = { cloud: [], ca: undefined, multicast: null, dns: null } as const;
    const cluster = await clustered(bayeux, {
      url: own.url,
      channels,
      readyz: 'ignore',
      seti: {},
      mesh: { ...alone, options: { ...mesh, secret } },
      nats: null,
    });
    const beats = setInterval(() => void supervisor.tell({ say: 'beat', reasons: reasonsOf(bayeux) }), BEAT);
    try {
      const node = { oort: cluster.oort, seti: cluster.seti, worker: { number, count: workers.count } };
      for (const module of given.services) await furnish(module, bayeux, node);
      const pages = given.demo ? await demoPages(bayeux, node) : notFound;
      if (place) await this.#measured(cluster, number);
      this.#meet(street, cluster, own);
      await supervisor.tell({ say: 'open', place: own });
      await this.#serve(cluster, place ? this.#beside(pages, place) : pages, ticketKeysOf(key));
    } finally {
      clearInterval(beats);
      await cluster.leave();
      await bayeux.stop();
      street.close();
      door.close();
      await leaveInside();
    }
  }

  /** From the supervisor's word that clients may come, to its word that they may not any more. */
  async #serve(cluster: Cluster, pages: RequestListener, ticketKeys: Buffer): Promise<void> {
    const bayeux = this.#bayeux;
    const given = this.#given;
    const server = await createListener(given, pages, ticketKeys);
    attach(bayeux, server, given);
    const leave = farewell(server);
    const first = await Promise.race([this.#supervisor.listen, this.#ending]);
    if (typeof first === 'string') return;
    const close = arrivals(server, this.#supervisor);
    await this.#supervisor.tell({ say: 'listening' });
    const how = await this.#ending;
    const notice = given.notice ?? (this.#configured.place ? undefined : 0);
    const emptied = (): Promise<void> => cluster.leave();
    // Whoever says so once more does not want to wait.
    this.#supervisor.on('end', ({ how }) => how === 'stop' && void bayeux.stop());
    if (how === 'drain' && given.drain > 0)
      await bayeux.drain({ timeout: given.drain, emptied, ...(notice !== undefined && { notice }) });
    else await emptied().then(() => bayeux.stop());
    close();
    await leave();
  }

  /** Goes to the workers that there are, forgets those that are gone, and tells when all are one cluster. */
  #meet(street: Street, { oort }: Cluster, own: Place): void {
    let joining: { readonly version: number; readonly urls: readonly string[] } | null = null;
    const look = (): void => {
      if (!joining?.urls.every((url) => oort.isCometConnected(url))) return;
      void this.#supervisor.tell({ say: 'joined', version: joining.version });
      joining = null;
    };
    oort.addListener('cometJoined', look);
    this.#supervisor.on('neighbours', ({ version, places }) => {
      street.update(places);
      const urls = Object.values(places)
        .map(({ url }) => url)
        .filter((url) => url !== own.url);
      for (const url of oort.knownComets) if (!urls.includes(url)) oort.deobserveComet(url);
      for (const url of urls) oort.observeComet(url);
      joining = { version, urls };
      look();
      const late = setTimeout(() => {
        if (joining?.version !== version) return;
        this.#bayeux.diagnostics.warn('workers', 'This worker serves without having joined all others');
        void this.#supervisor.tell({ say: 'joined', version });
      }, JOIN_PATIENCE);
      late.unref();
    });
  }

  async #measured(cluster: Cluster, number: number): Promise<void> {
    const metrics = await metricsOf(this.#bayeux, cluster.metrics);
    metrics.registry.setDefaultLabels({ worker: String(number) });
    this.#supervisor.on('measure', ({ id }) => {
      metrics.render().then(
        (text) => this.#supervisor.tell({ say: 'measured', id, text }),
        (error: unknown) => {
          this.#bayeux.diagnostics.failed('metrics', error);
          return this.#supervisor.tell({ say: 'measured', id, text: '' });
        },
      );
    });
  }

  /** Management on the port of the clients: the supervisor's pages. */
  #beside(pages: RequestListener, { path, token }: ManagementPlace): RequestListener {
    if (path === undefined || token === undefined) return pages;
    const inside: RequestListener = (request, response) => {
      const name = request.url?.split('?', 1)[0]?.slice(path.length + 1) ?? '';
      void this.#supervisor.page(name).then((page) => reply(request, response, page));
    };
    return guarded(path, token, inside, pages);
  }
}

/** Why no clients should be sent here; in the words of `/readyz`. */
function reasonsOf({ management: { state, overload } }: BayeuxServer): string[] {
  if (state === 'draining') return [state];
  return overload === 3 ? ['overloaded'] : [];
}

/** All workers have the same keys, so that a TLS session goes on at any of them. */
function ticketKeysOf(secret: Buffer): Buffer {
  return createHash('sha512').update('tickets').update(secret).digest().subarray(0, TICKET_KEYS);
}
