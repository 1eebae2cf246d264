/** One jar for HTTP and WebSocket, read and written in order whatever the speed of its store. */
import type { IncomingHttpHeaders } from 'node:http';
import { CookieJar } from 'tough-cookie';

export class Cookies {
  readonly #jar: CookieJar;
  /** Settles, always well, when all cookies that have arrived so far are in the jar. */
  #stored: Promise<unknown> = Promise.resolve();

  constructor(jar: CookieJar = new CookieJar()) {
    this.#jar = jar;
  }

  /** The `Cookie` field for a URL, or an empty string. Rejects when the store does. */
  async header(url: string): Promise<string> {
    await this.#stored;
    return this.#jar.getCookieString(asHttp(url));
  }

  /** Takes the `Set-Cookie` fields of a response; malformed or foreign cookies are ignored. Rejects when the store does. */
  store(url: string, headers: IncomingHttpHeaders): Promise<unknown> {
    const lines = headers['set-cookie'];
    if (!lines) return this.#stored;
    const storing = this.#stored.then(async () => {
      for (const line of lines) await this.#jar.setCookie(line, asHttp(url), { ignoreError: true });
    });
    this.#stored = storing.catch(() => undefined);
    return storing;
  }
}

/** Cookies do not know WebSocket: `ws` is `http` to them, and `wss` is `https`. */
export function asHttp(url: string): string {
  return url.replace(/^ws/i, 'http');
}
