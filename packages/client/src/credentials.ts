/** Credentials of a typed client: asked for before the first handshake and after a refusal, one call at a time. */
import { ClientError } from './error.ts';
import type { Message } from './message.ts';

/** What an application gives to be let in. */
export interface Credentials {
  /** Header fields for every request from now on. */
  headers?: Record<string, string>;
  /** Fields for the `ext` of the handshake. */
  ext?: Record<string, unknown>;
}

/** Finds credentials. `reason` is null at first; later the error of the refusal, its code 401 or 403, or reconnect `none`. */
export type Authenticate = (request: { readonly reason: Error | null }) => Credentials | Promise<Credentials>;

export class Wallet {
  readonly #find: Authenticate;
  readonly #max: number;
  credentials: Credentials = {};
  /** How many renewals in a row there were. */
  renewals = 0;

  constructor(find: Authenticate, max: number) {
    this.#find = find;
    this.#max = max;
  }

  async renew(reason: Error | null): Promise<void> {
    if (reason && this.renewals++ >= this.#max) {
      const message = `Credentials were refused ${this.#max} times (maxAuthRenewals)`;
      throw new ClientError('unauthorized', message, { cause: reason });
    }
    this.credentials = (await this.#find({ reason })) ?? {};
  }
}

/** Whether the server wants other credentials. */
export function isRefusal({ error, failure }: Message): boolean {
  const code = failure?.httpCode;
  return code === 401 || code === 403 || (typeof error === 'string' && /^40[13]\b/.test(error));
}
