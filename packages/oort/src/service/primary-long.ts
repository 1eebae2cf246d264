/** A number the cluster has one of, kept by the node in charge: every change is a question to it. Book section 9.5.8.3. */
import { addLongs, carry, type Long, toLong } from '../object/exact.ts';
import type { Oort } from '../oort.ts';
import { type Answer, failure, ignore, success } from './answer.ts';
import { OortPrimaryService, type OortPrimaryServiceOptions } from './primary.ts';
import type { ServiceRequest } from './service.ts';

export interface OortPrimaryLongOptions extends OortPrimaryServiceOptions {
  /** What the node in charge begins with. Default 0. The number lives in its memory: keep it yourself if it must outlive that. */
  readonly initial?: Long;
}

/**
 * A counter for the whole cluster, such as of ids. Numbers beyond 2^53 are `bigint`, and need `ExactJSONContext` in the servers.
 * Promises reject with `OortServiceError` when the node in charge does not answer: it may have counted all the same.
 */
export class OortPrimaryLong extends OortPrimaryService<Long, Long> {
  #value: Long;

  constructor(oort: Oort, name: string, { initial = 0, ...options }: OortPrimaryLongOptions = {}) {
    super(oort, name, options);
    this.#value = toLong(initial);
  }

  get(): Promise<Long> {
    return this.getAndAdd(0);
  }

  /** Resolves with the number after the addition. */
  async addAndGet(delta: Long): Promise<Long> {
    return addLongs(await this.getAndAdd(delta), toLong(delta));
  }

  /** Resolves with the number before the addition. Rejects with `TypeError` or `RangeError` for what is no whole number of 64 bits. */
  async getAndAdd(delta: Long): Promise<Long> {
    const long = toLong(delta);
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
