/** The addresses of an engine that may not have started yet: whoever stands on the engine sees from the first moment that it has some. */
import type { Registration } from '@cometd-ts/server';
import { AddressError, type Addresses } from '../powers.ts';

export class LateAddresses implements Addresses {
  #there: Addresses | null = null;

  /** What it stands for, from `start` on; null from `stop` on. */
  stand(there: Addresses | null): void {
    this.#there = there;
  }

  serve(...call: Parameters<Addresses['serve']>): Registration {
    if (!this.#there) throw new TypeError('Addresses are served from start to stop of the engine');
    return this.#there.serve(...call);
  }

  tell(...call: Parameters<Addresses['tell']>): boolean {
    return this.#there?.tell(...call) ?? false;
  }

  ask(...call: Parameters<Addresses['ask']>): Promise<unknown> {
    return this.#there?.ask(...call) ?? Promise.reject(new AddressError('down', 'The engine is not started'));
  }
}
