/** The CometD object as applications know it. Arguments are loose on purpose: the tests also pass what types forbid. */
import type { Message } from './message.ts';

type Loose = (...args: unknown[]) => unknown;

export interface Handle {
  id: number;
  channel: string;
  scope: unknown;
  callback: unknown;
  listener: boolean;
}

export interface FailureInfo {
  cause: string;
  action: string;
  transport: Transport | null;
  delay?: number;
  url?: string;
}

export interface Transport {
  type?: string | null;
  url?: string | null;
  getType?(): string;
  accept(version: string, crossDomain: boolean, url: string): boolean;
  abort(): void;
  reset(init: boolean): void;
  convertToMessages(response: unknown): Message[];
  toString(): string;
  [member: string]: unknown;
}

export interface Registry {
  getTransportTypes(): string[];
  findTransportTypes(version: string, crossDomain: boolean, url: string): string[];
  negotiateTransport(types: string[], version: string, crossDomain: boolean, url: string): Transport | null;
  add(type: string, transport: unknown, index?: number): boolean;
  find(type: string): Transport | null;
  remove(type: string): Transport | null;
  clear(): void;
  reset(init: boolean): void;
}

export interface Cometd {
  websocketEnabled?: unknown;
  onListenerException?: unknown;
  onCallbackException?: unknown;
  onExtensionException?: unknown;
  onTransportException?: unknown;
  onTransportFailure: Loose;
  receive: Loose;
  configure: Loose;
  init: Loose;
  handshake: Loose;
  disconnect: Loose;
  startBatch: Loose;
  endBatch: Loose;
  batch: Loose;
  addListener(...args: unknown[]): Handle;
  removeListener: Loose;
  clearListeners: Loose;
  subscribe(...args: unknown[]): Handle;
  unsubscribe: Loose;
  resubscribe(...args: unknown[]): Handle | undefined;
  clearSubscriptions: Loose;
  publish: Loose;
  publishBinary: Loose;
  remoteCall: Loose;
  remoteCallBinary: Loose;
  send: Loose;
  getStatus(): string;
  isDisconnected(): boolean;
  setBackoffIncrement(ms: number): void;
  getBackoffIncrement(): number;
  getBackoffPeriod(): number;
  increaseBackoffPeriod(): number;
  resetBackoffPeriod(): void;
  setLogLevel(level: string): void;
  registerExtension(...args: unknown[]): boolean;
  unregisterExtension(name: unknown): boolean;
  getExtension(name: string): unknown;
  registerTransport(type: string, transport: unknown, index?: number): boolean;
  unregisterTransport(type: string): Transport | null;
  unregisterTransports(): void;
  getTransportTypes(): string[];
  findTransport(type: string): Transport | null;
  getTransportRegistry(): Registry;
  getTransport(): Transport | null | undefined;
  addTransportListener: Loose;
  removeTransportListener(event: string, listener: unknown): boolean;
  getURL(): string;
  getClientId(): string | null;
  getName(): string;
  getConfiguration(): Record<string, unknown>;
  getAdvice(): Record<string, unknown>;
  setTimeout(fn: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  _debug: Loose;
  _info: Loose;
  _warn: Loose;
  _mixin(deep: boolean, target: unknown, ...objects: unknown[]): Record<string, unknown>;
  _getCallback: Loose;
  _putCallback: Loose;
}

/** What the tests use of a library. */
export interface Library {
  CometD: new (name?: unknown) => Cometd;
  Transport: (new () => Transport) & { derive?<T>(base: T): T };
  RequestTransport: new () => Transport;
  LongPollingTransport: new () => Transport;
  CallbackPollingTransport: new () => Transport;
  WebSocketTransport: new () => Transport;
  [name: string]: unknown;
}

export function typeOf(transport: Transport | null | undefined): string | null | undefined {
  return transport?.type ?? transport?.getType?.();
}
