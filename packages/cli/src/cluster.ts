/** A node of a cluster under `cometd serve`: ready before anybody can reach it, on its way to others when all can. */
import { readFile } from 'node:fs/promises';
import type { ClusterMetric, Engine, Oort, Seti } from '@cometd-ts/oort';
import type { Discovery, DnsOptions, MulticastOptions, Seeker } from '@cometd-ts/oort/mesh';
import type { BayeuxServer, HealthCheck } from '@cometd-ts/server';
import type { ClusterOptions, MeshChoice } from './cluster-options.ts';
import { Complaint, reasonOf } from './complaint.ts';

/** What services are handed besides the server. */
export interface Node {
  readonly oort: Oort;
  readonly seti: Seti;
  /** Which worker this is, from 1, of how many. Only with `--workers`. */
  readonly worker?: { readonly number: number; readonly count: number };
}

export interface Cluster extends Node {
  readonly metrics: readonly ClusterMetric[];
  /** For `/readyz`. */
  readonly check: HealthCheck;
  /** Goes to the other nodes; the server can be reached. Throws `Complaint` when it never can. */
  join(): Promise<void>;
  /** The others hear at once that this node is gone, and its users with it. */
  leave(): Promise<void>;
}

/** Starts the node. Nobody is looked for until `join`. Throws `Complaint` for options that are wrong. */
export async function clustered(bayeux: BayeuxServer, options: ClusterOptions): Promise<Cluster> {
  const { clusterMetrics, movingEngine, Oort, Seti } = await import('@cometd-ts/oort');
  const { url, channels, readyz, mesh, nats, seti: finding } = options;
  try {
    const from = mesh && (await meshOf(mesh));
    let open: () => void = () => undefined;
    const joinAfter = new Promise<void>((resolve) => {
      open = resolve;
    });
    const to = nats && (await import('@cometd-ts/oort/nats')).natsEngine({ ...nats, joinAfter });
    // One of them is there: options without any are refused before.
    const engine = from && to ? movingEngine({ from: from.engine, to }) : ((from?.engine ?? to) as Engine);
    const oort = new Oort(bayeux, { url, channels, engine });
    const seti = new Seti(oort, finding);
    await oort.start();
    await seti.start();
    return {
      oort,
      seti,
      metrics: clusterMetrics(oort),
      check: () => {
        const { state, reason } = oort.status;
        const counts = state === 'down' ? readyz !== 'ignore' : readyz === state;
        return counts ? `${state}: ${reason}` : true;
      },
      join: async () => {
        open();
        await from?.patient.begin();
      },
      leave: async () => {
        await seti.stop();
        await oort.stop();
      },
    };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || isOfNats(error))
      throw new Complaint(error.message);
    throw error;
  }
}

async function meshOf({
  cloud,
  multicast,
  dns,
  ca,
  options,
}: MeshChoice): Promise<{ engine: Engine; patient: Patient }> {
  const mesh = await import('@cometd-ts/oort/mesh');
  const tls = ca === undefined ? null : { ca: await certificates(ca) };
  const patient = new Patient([
    mesh.staticDiscovery(cloud),
    ...(dns ? [mesh.dnsDiscovery(dns as unknown as DnsOptions)] : []),
    ...(multicast ? [mesh.multicastDiscovery(trusting(multicast))] : []),
  ]);
  return { engine: mesh.meshEngine({ ...options, discovery: patient, ...(tls && { network: { tls } }) }), patient };
}

/** NATS is not there, or does not let this node in: known by the name, because the class is loaded by those who are on NATS alone. */
function isOfNats(error: unknown): error is Error {
  return error instanceof Error && error.name === 'NatsError';
}

/** Holds discoveries back: a node that others cannot reach yet would only be tried in vain. */
class Patient implements Discovery {
  readonly #discoveries: readonly Discovery[];
  #seeker: Seeker | null = null;

  constructor(discoveries: readonly Discovery[]) {
    this.#discoveries = discoveries;
  }

  start(seeker: Seeker): void {
    this.#seeker = seeker;
  }

  async begin(): Promise<void> {
    const seeker = this.#seeker;
    if (!seeker) return;
    try {
      for (const discovery of this.#discoveries) await discovery.start(seeker);
    } catch (error) {
      throw new Complaint(`Other nodes cannot be looked for: ${reasonOf(error)}`);
    }
  }

  async stop(): Promise<void> {
    this.#seeker = null;
    for (const discovery of this.#discoveries) await discovery.stop();
  }
}

function trusting(values: Readonly<Record<string, unknown>>): MulticastOptions {
  const allowed = new Set(values.allow as string[]);
  const allow = (url: string): boolean => allowed.has(url) || allowed.has(new URL(url).origin);
  return { ...values, allow };
}

async function certificates(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Complaint(`The certificates of oort.ca cannot be read: ${reasonOf(error)}`);
  }
}
