/** A service one node of the cluster is in charge of: the one that is told so, or the one that is elected. Book section 9.5.8.2. */
import type { Registration } from '@cometd-ts/server';
import { Events } from '../events.ts';
import { OortObjectFactories } from '../object/factories.ts';
import { OortObject } from '../object/object.ts';
import type { Oort } from '../oort.ts';
import { Lease } from './lease.ts';
import { OortService, type OortServiceOptions } from './service.ts';

export interface OortPrimaryServiceOptions extends OortServiceOptions {
  /** Whether this node is in charge. Of all nodes exactly one should be. Default false. Not with `election`. */
  readonly primary?: boolean;
  /**
   * Whether the nodes elect the one in charge, and another when it is gone; all of them, or none. Needs an engine with buckets. Default
   * false; `true` is `{}`.
   */
  readonly election?: boolean | ElectionOptions;
}

export interface ElectionOptions {
  /**
   * How long a node that is lost stays in charge for the others, in ms; at least 1000. It renews its lease after a third of that,
   * and an answer of the message system may take a sixth. The first start of the service in a cluster decides it for all. Default 10000.
   */
  readonly ttl?: number;
}

export interface OortPrimaryServiceEvents {
  /** This node was elected. `token` is greater than that of any node before: a database that remembers it refuses the writes of the former. */
  elected: (token: number) => void;
  /** This node is in charge no more. */
  deposed: () => void;
  /** Another node is in charge; null when none is known to be. With `election` only. */
  primary: (url: string | null) => void;
}

/** Where it stands which ttl the election of a service has: the same for all nodes. */
const ELECTIONS = 'elections';

/**
 * The base of services with a primary. All nodes know which one it is; its `onForward` answers, that of the others `ignore`s.
 *
 * With the static flag nobody is in charge while the primary is gone, until it comes back. With an election another takes over: at
 * once when it stops, after `ttl` when it was lost. Never are two in charge at a time: a node that is cut off lays its office down
 * before another can take it, as long as its clocks run no more than a tenth slower than that of the message system.
 */
export abstract class OortPrimaryService<Parameter = unknown, Result = unknown, Context = unknown> extends OortService<
  Parameter,
  Result,
  Context
> {
  readonly #flag: boolean;
  readonly #ttl: number | null;
  readonly #flags: OortObject<boolean> | null;
  readonly #events: Events<OortPrimaryServiceEvents>;
  #lease: Lease | null = null;

  /** Throws `TypeError` for `primary` with `election`, and `RangeError` for a `ttl` out of range. */
  constructor(oort: Oort, name: string, options: OortPrimaryServiceOptions = {}) {
    const { primary = false, election = false, ...others } = options;
    super(oort, name, others);
    if (primary && election) throw new TypeError(`The primary of '${name}' is told or elected: not both`);
    this.#flag = primary;
    this.#ttl = election === false ? null : ttlOf(election === true ? {} : election);
    this.#events = new Events(oort.server.diagnostics);
    this.#flags = election ? null : new OortObject(oort, name, OortObjectFactories.forBoolean(false));
    this.#flags?.addListener('updated', () => this.#lookForOthers());
  }

  /** Rejects with `TypeError` when an election needs buckets and the engine has none, with `BucketError` when they cannot be reached. */
  override async start(): Promise<void> {
    const { buckets, name: engine } = this.oort.engine;
    if (this.#ttl !== null && !buckets)
      throw new TypeError(`The election of '${this.name}' needs an engine with buckets, and '${engine}' has none`);
    await super.start();
    try {
      await this.#flags?.start();
      // Not the default: that is what the others hear when this one stops.
      if (this.#flag) await this.#flags?.setAndShare(true);
      if (this.#ttl !== null) await this.#stand(this.#ttl);
    } catch (error) {
      await super.stop();
      throw error;
    }
  }

  /** When this node is in charge, another can be at once. */
  override async stop(): Promise<void> {
    await this.#lease?.stop();
    this.#lease = null;
    await this.#flags?.stop();
    await super.stop();
  }

  /** Whether this node is in charge, at this very moment: ask it again after whatever took time. */
  get isPrimary(): boolean {
    return this.#ttl === null ? this.#flag : (this.#lease?.isHeld ?? false);
  }

  /** What `elected` was told with, while this node is in charge by an election; else null. */
  get fencingToken(): number | null {
    return this.#lease?.token ?? null;
  }

  /** URL of the node in charge; null when none is known. Of two, which is a mistake and logged, the one whose URL comes first. */
  getPrimaryOortURL(): string | null {
    return this.#ttl === null ? (this.#primaries[0] ?? null) : (this.#lease?.url ?? null);
  }

  /**
   * Asks the node in charge. When none is known, all are asked: it may be one that is just about to tell. If there is none, the
   * request times out. Rejects as `call` does.
   */
  callPrimary(parameter: Parameter, options: { readonly signal?: AbortSignal } = {}): Promise<Result> {
    return this.call(this.getPrimaryOortURL(), parameter, options);
  }

  /** As `forward`, to the node in charge. */
  forwardToPrimary(parameter: Parameter, context: Context): boolean {
    return this.forward(this.getPrimaryOortURL(), parameter, context);
  }

  addListener<Name extends keyof OortPrimaryServiceEvents>(
    name: Name,
    listener: OortPrimaryServiceEvents[Name],
  ): Registration {
    return this.#events.add(name, listener);
  }

  // What a service with an election may implement

  /** This node was elected, before listeners are told. */
  protected onElected(_token: number): void {
    return;
  }

  /** This node is in charge no more, before listeners are told. Whatever it does for the others must end here, at once. */
  protected onDeposed(): void {
    return;
  }

  async #stand(ttl: number): Promise<void> {
    const { engine, server, url } = this.oort;
    const { buckets } = engine;
    const { diagnostics } = server;
    if (!buckets) return;
    const elections = await buckets.open(ELECTIONS);
    await elections.create([this.name], ttl);
    const decided = (await elections.get([this.name]))?.value;
    const lasting = typeof decided === 'number' && decided >= LEAST_TTL ? decided : ttl;
    if (lasting !== ttl)
      diagnostics.warn('oort_election', `The ttl of the election of '${this.name}' is ${lasting} ms here, not ${ttl}`);
    const bucket = await buckets.open(`election-${this.name}`, { ttl: lasting });
    this.#lease = new Lease(bucket, url, lasting, {
      elected: (token) => {
        diagnostics.info(`This node is in charge of the service '${this.name}'`);
        void diagnostics.guard('OortService', undefined, () => this.onElected(token));
        this.#events.tell('elected', token);
      },
      deposed: () => {
        diagnostics.info(`This node is no more in charge of the service '${this.name}'`);
        void diagnostics.guard('OortService', undefined, () => this.onDeposed());
        this.#events.tell('deposed');
      },
      changed: (primary) => this.#events.tell('primary', primary),
      failed: (error) => {
        diagnostics.count('oort_election');
        const why = error instanceof Error ? error.message : String(error);
        diagnostics.warn('oort_election', `The election of '${this.name}' has to wait: ${why}`);
      },
    });
    this.#lease.start();
  }

  get #primaries(): readonly string[] {
    return this.#flags?.getInfos().flatMap(({ object, url }) => (object ? [url] : [])) ?? [];
  }

  #lookForOthers(): void {
    const primaries = this.#primaries;
    if (primaries.length < 2) return;
    this.oort.server.diagnostics.count('oort_primaries');
    this.oort.server.diagnostics.warn(
      'oort_primaries',
      `The service '${this.name}' has ${primaries.length} primaries, and should have one: ${primaries.join(', ')}`,
    );
  }
}

const LEAST_TTL = 1_000;

function ttlOf({ ttl = 10_000 }: ElectionOptions): number {
  if (ttl >= LEAST_TTL && ttl < 2 ** 31) return ttl;
  throw new RangeError(`The option 'ttl' must be ms from ${LEAST_TTL}, not ${ttl}`);
}
