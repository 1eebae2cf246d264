/** A service one node of the cluster is in charge of. Who that is, is configured: there is no election. Book section 9.5.8.2. */
import { OortObjectFactories } from '../object/factories.ts';
import { OortObject } from '../object/object.ts';
import type { Oort } from '../oort.ts';
import { OortService, type OortServiceOptions } from './service.ts';

export interface OortPrimaryServiceOptions extends OortServiceOptions {
  /** Whether this node is in charge. Of all nodes exactly one should be. Default false. */
  readonly primary?: boolean;
}

/**
 * The base of services with a primary. All nodes know which one it is; when it is gone nobody is, until it comes back.
 * Its `onForward` answers, that of the others `ignore`s.
 */
export abstract class OortPrimaryService<Parameter = unknown, Result = unknown, Context = unknown> extends OortService<
  Parameter,
  Result,
  Context
> {
  readonly isPrimary: boolean;
  readonly #flags: OortObject<boolean>;

  constructor(oort: Oort, name: string, { primary = false, ...options }: OortPrimaryServiceOptions = {}) {
    super(oort, name, options);
    this.isPrimary = primary;
    this.#flags = new OortObject(oort, name, OortObjectFactories.forBoolean(false));
    this.#flags.addListener('updated', () => this.#lookForOthers());
  }

  override async start(): Promise<void> {
    await super.start();
    await this.#flags.start();
    // Not the default: that is what the others hear when this one stops.
    if (this.isPrimary) await this.#flags.setAndShare(true);
  }

  override async stop(): Promise<void> {
    await this.#flags.stop();
    await super.stop();
  }

  /** URL of the node in charge; null when none is known. Of two, which is a mistake and logged, the one whose URL comes first. */
  getPrimaryOortURL(): string | null {
    return this.#primaries[0] ?? null;
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

  get #primaries(): readonly string[] {
    return this.#flags.getInfos().flatMap(({ object, url }) => (object ? [url] : []));
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
