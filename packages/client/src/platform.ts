/** What a client takes from its surroundings. All of it can be injected; what is not is looked up at the moment of use. */

/** The part of a WebSocket that the transport uses. */
export interface WebSocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** One POST of long-polling. Exactly one of `onResponse` and `onError` is called, and never before the call returns. */
export interface HttpRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Longest response, in bytes; where only its text can be seen, in characters. A longer one is an error. Absent: no limit. */
  readonly maxBytes?: number;
  /** Bytes arrived, whatever they are. */
  onProgress(): void;
  onResponse(status: number, statusText: string, text: string): void;
  onError(reason: string, exception?: unknown): void;
}

/** A request under way. */
export interface HttpCall {
  abort(): void;
}

/** The part of a `Storage` that the reload extension uses. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export type Logger = Partial<Record<'debug' | 'info' | 'warn', (...args: unknown[]) => void>>;

/** Replaces parts of what `window` or `globalThis` offers. Times are in ms, and always integers. */
export interface Platform {
  /** Sends HTTP requests, instead of fetch or XMLHttpRequest. */
  request?(request: HttpRequest): HttpCall;
  /** Opens WebSockets, instead of `new WebSocket(url, protocol)`. */
  openWebSocket?(url: string, protocol: string | null, headers: Readonly<Record<string, string>>): WebSocketLike;
  setTimeout?(fn: () => void, ms: number): unknown;
  clearTimeout?(handle: unknown): void;
  console?: Logger;
  sessionStorage?: StorageLike;
}

/** The globals a client may find. Every one of them may be missing. Those that only browsers have are `unknown`: the types of this package need no DOM. */
export interface World {
  WebSocket?: new (url: string, protocol?: string) => WebSocketLike;
  fetch?: typeof fetch;
  XMLHttpRequest?: unknown;
  AbortController?: typeof AbortController;
  Worker?: unknown;
  Blob?: typeof Blob;
  URL?: typeof URL;
  location?: { readonly host?: string };
  document?: unknown;
  console?: Logger;
  setTimeout?(fn: () => void, ms: number): unknown;
  clearTimeout?(handle: unknown): void;
  addEventListener?: EventTarget['addEventListener'];
  removeEventListener?: EventTarget['removeEventListener'];
  sessionStorage?: StorageLike;
  [name: string]: unknown;
}

/** The global object; `window` where there is one, even if it is no member of the global object. */
export function world(): World {
  return (typeof window === 'object' && window ? window : globalThis) as unknown as World;
}

/** The longest delay a platform's timers can hold; a longer one would fire at once. */
const longestDelay = 0x7fffffff;

/** A delay that every timer takes: an integer from 0 on. What is no number counts as 0. */
export function delayOf(ms: unknown): number {
  return typeof ms === 'number' && ms > 0 ? Math.min(Math.ceil(ms), longestDelay) : 0;
}

/** Starts a timer; the handle is opaque. */
export function startTimer(platform: Platform, fn: () => void, ms: number): unknown {
  const delay = delayOf(ms);
  return platform.setTimeout ? platform.setTimeout(fn, delay) : world().setTimeout?.(fn, delay);
}

export function stopTimer(platform: Platform, handle: unknown): void {
  if (handle === undefined || handle === null) return;
  if (platform.clearTimeout) platform.clearTimeout(handle);
  else world().clearTimeout?.(handle);
}
