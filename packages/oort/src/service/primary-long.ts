/** A number the cluster has one of: kept by the node in charge, or in blocks that each node takes for itself. Book section 9.5.8.3. */
import { addLongs, carry, type Long, toLong } from '../object/exact.ts';
import type { Oort } from '../oort.ts';
import { type Answer, failure, ignore, success } from './answer.ts';
import { Blocks } from './blocks.ts';
import { OortPrimaryService, type OortPrimaryServiceOptions } from './primary.ts';
import type { ServiceRequest } from './service.ts';

export interface OortPrimaryLongOptions extends Omit<OortPrimaryServiceOptions, 'election'> {
  /**
   * What the node in charge begins with; with `block`, what the cluster begins with. Default 0. Without `block` the number lives in
   * the memory of the node in charge: keep it yourself if it must outlive that.
   */
  readonly initial?: Long;
  /**
   * How many numbers a node takes at a time, such as 1000; the same on all nodes. Needs an engine with buckets. Then nobody is in charge,
   * and no number is given twice, whoever comes and goes; those of a node grow, those of two nodes grow by blocks. What a node has not
   * given out when it ends is given to nobody. Default: no blocks.
   */
  readonly block?: number;
}

/**
 * A counter for the whole cluster, such as of ids. Numbers beyond 2^53 are `bigint`, and need `ExactJSONContext` in the servers, except with
 * `block`. Promises reject with `OortServiceError` when the node in charge does not answer: it may have counted all the same.
 */
export class OortPrimaryLong extends OortPrimaryService<Long, Long> {
  #value: Long;
  readonly #blocks: Blocks | null;

  /** Throws `RangeError` for options out of range. */
  constructor(oort: Oort, name: string, { initial = 0, block, ...options }: OortPrimaryLongOptions = {}) {
    if ('election' in options)
      throw new TypeError('An elected node would begin anew with the number: take blocks instead (option block)');
    super(oort, name, options);
    if (block !== undefined && !(Number.isSafeInteger(block) && block > 0))
      throw new RangeError(`The option 'block' must be a whole number above 0, not ${block}`);
    this.#value = toLong(initial);
    this.#blocks = block === undefined ? null : new Blocks(oort, name, block, this.#value, options.timeout ?? 5_000);
  }

  /** Rejects with `TypeError` when blocks need buckets and the engine has none. */
  override async start(): Promise<void> {
    await this.#blocks?.open();
    await super.start();
  }

  override async stop(): Promise<void> {
    this.#blocks?.close();
    await super.stop();
  }

  /** With `block`, the first number that is in no block yet. */
  async get(): Promise<Long> {
    return this.#blocks ? this.#blocks.peek() : this.getAndAdd(0);
  }

  /** Resolves with the number after the addition. */
  async addAndGet(delta: Long): Promise<Long> {
    return addLongs(await this.getAndAdd(delta), toLong(delta));
  }

  /**
   * Resolves with the number before the addition; with `block`, with the first of `delta` numbers in a row that are this caller's alone.
   * Rejects with `TypeError` or `RangeError` for what is no whole number of 64 bits, and with `block` for less than 1.
   */
  async getAndAdd(delta: Long): Promise<Long> {
    const long = toLong(delta);
    if (this.#blocks) {
      if (long < 1) throw new RangeError(`From a block numbers are taken, at least one, not ${long}`);
      return this.#blocks.take(long);
    }
    carry(this.oort, long);
    return toLong(await this.callPrimary(long));
  }

  protected override onForward({ parameter }: ServiceRequest<Long>): Answer<Long> {
    if (!this.isPrimary) return ignore();
    const before = this.#value;
    try {
      const after = toLong(addLongs(before, toLong(parameter)));
      carry(this.oort, after);
      this.#value = after;
    } catch (error) {
      return failure(error instanceof Error ? error.message : String(error));
    }
    return success(before);
  }
}
