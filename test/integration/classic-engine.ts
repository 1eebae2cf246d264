/** A JavaScript engine with very little in it: XMLHttpRequest, WebSocket, timers and a session storage, and no more than the language had in 2020. */
import { request } from 'node:http';
import { type Context, createContext, runInContext } from 'node:vm';
import { WebSocket } from 'ws';

/** Where the few things are: members of the global object, or only of a `window` that is declared like a variable. */
export type Shape = 'global' | 'lexical';

export interface Engine {
  /** Runs a script, like a `<script>` of a page. */
  run(script: string): unknown;
  /** What went wrong with timers: a delay that is no integer, a handle that is none. */
  readonly complaints: string[];
  /** Ends what is under way, like a page that goes. */
  close(): void;
}

/** Everything of the language that is newer than ES2020. */
const newer = `for (const [owner, ...names] of [
  [globalThis, 'WebAssembly', 'SharedArrayBuffer', 'Atomics', 'WeakRef', 'FinalizationRegistry', 'AggregateError', 'Iterator', 'console'],
  [Object, 'hasOwn', 'groupBy'], [Promise, 'any', 'withResolvers', 'try'], [Array, 'fromAsync'],
  [Array.prototype, 'at', 'findLast', 'findLastIndex', 'toReversed', 'toSorted', 'toSpliced', 'with'],
  [String.prototype, 'at', 'replaceAll', 'isWellFormed', 'toWellFormed'],
  [Object.getPrototypeOf(Uint8Array.prototype), 'at', 'findLast', 'findLastIndex', 'toReversed', 'toSorted', 'with'],
]) for (const name of names) delete owner[name];`;

/** What the pages of one tab share. */
export class Tab {
  readonly storage: Map<string, string> = new Map();
  readonly cookies: Map<string, string> = new Map();
}

export function openEngine(shape: Shape, { storage, cookies }: Tab = new Tab()): Engine {
  const complaints: string[] = [];
  const timers = new Map<object, NodeJS.Timeout>();
  const sockets = new Set<{ close(): void }>();

  class TrackedWebSocket extends WebSocket {
    constructor(url: string, protocol?: string) {
      super(url, protocol);
      sockets.add(this);
    }
  }

  const window = {
    XMLHttpRequest: class extends PlainXMLHttpRequest {
      constructor() {
        super(cookies);
        sockets.add({ close: () => this.abort() });
      }
    },
    WebSocket: TrackedWebSocket,
    sessionStorage: {
      getItem: (key: string) => storage.get(key) ?? null,
      setItem: (key: string, value: string) => void storage.set(key, value),
      removeItem: (key: string) => void storage.delete(key),
    },
    setTimeout: (fn: () => void, delay: unknown) => {
      if (!Number.isInteger(delay)) complaints.push(`setTimeout with ${delay}`);
      const handle = Object.freeze(Object.create(null));
      timers.set(
        handle,
        setTimeout(() => {
          timers.delete(handle);
          fn();
        }, Number(delay)),
      );
      return handle;
    },
    clearTimeout: (handle: object) => {
      if (typeof handle !== 'object' || handle === null) complaints.push(`clearTimeout with ${handle}`);
      clearTimeout(timers.get(handle));
      timers.delete(handle);
    },
  };

  const context: Context = createContext(shape === 'global' ? { ...window } : { lent: window });
  runInContext(newer, context);
  runInContext(
    shape === 'global' ? 'globalThis.window = globalThis;' : 'const window = lent; delete globalThis.lent;',
    context,
  );
  return {
    run: (script) => runInContext(script, context),
    complaints,
    close: () => {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      for (const socket of sockets) socket.close();
    },
  };
}

/** As much of an XMLHttpRequest as a client can expect everywhere. */
class PlainXMLHttpRequest {
  withCredentials = false;
  status = 0;
  statusText = '';
  responseText = '';
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onabort: (() => void) | null = null;
  #method = '';
  #url = '';
  readonly #headers: Record<string, string> = {};
  readonly #cookies: Map<string, string>;
  #abort: () => void = () => undefined;

  constructor(cookies: Map<string, string>) {
    this.#cookies = cookies;
  }

  open(method: string, url: string): void {
    this.#method = method;
    this.#url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  send(body: string): void {
    this.#headers.cookie = [...this.#cookies].map((cookie) => cookie.join('=')).join('; ');
    const outgoing = request(this.#url, { method: this.#method, headers: this.#headers }, async (response) => {
      try {
        this.status = response.statusCode ?? 0;
        this.statusText = response.statusMessage ?? '';
        for (const cookie of response.headers['set-cookie'] ?? []) {
          const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split('=');
          this.#cookies.set(name, value);
        }
        for await (const piece of response.setEncoding('utf8')) this.responseText += piece;
        this.onload?.();
      } catch {
        this.#fail();
      }
    });
    outgoing.on('error', () => this.#fail());
    this.#abort = () => outgoing.destroy();
    outgoing.end(body);
  }

  abort(): void {
    const { onabort } = this;
    this.onerror = null;
    this.onabort = null;
    this.onload = null;
    this.#abort();
    onabort?.();
  }

  #fail(): void {
    this.status = 0;
    this.onerror?.();
  }
}
