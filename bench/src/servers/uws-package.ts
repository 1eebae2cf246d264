/**
 * uWebSockets as a package: a binary for each platform, a hundred megabytes of them. So it is no dependency of anything, but
 * fetched into the workshop by whoever measures against it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { workshop } from './native.ts';

export const UWS_VERSION = '3.0.6';

const folder = `${workshop}uws/`;
const manifest = `${folder}node_modules/uwebsockets/package.json`;

/** Of the package, as far as the benchmark uses it. */
export interface Uws {
  App(): TemplatedApp;
  SSLApp(options: { readonly cert_file_name: string; readonly key_file_name: string }): TemplatedApp;
  us_socket_local_port(socket: object): number;
}

export interface TemplatedApp {
  ws(
    path: string,
    behaviour: {
      readonly idleTimeout: number;
      readonly maxPayloadLength: number;
      readonly maxBackpressure: number;
      readonly message: (socket: WebSocket, frame: ArrayBuffer) => void;
    },
  ): void;
  post(path: string, handler: (response: HttpResponse) => void): void;
  publish(topic: string, message: string): boolean;
  listen(host: string, port: number, done: (socket: object | false) => void): void;
  close(): void;
}

export interface WebSocket {
  send(message: string): number;
  subscribe(topic: string): boolean;
}

export interface HttpResponse {
  cork(act: () => void): void;
  writeHeader(name: string, value: string): HttpResponse;
  end(body: string): HttpResponse;
  onAborted(heard: () => void): void;
  onData(heard: (chunk: ArrayBuffer, isLast: boolean) => void): void;
}

export function hasUws(): boolean {
  if (!existsSync(manifest)) return false;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version === UWS_VERSION;
}

/** Why it could not be fetched; empty when it is there. */
export function fetchUws(): string {
  if (hasUws()) return '';
  mkdirSync(folder, { recursive: true });
  const quiet = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
  const { status, stderr } = spawnSync('npm', ['install', '--prefix', folder, ...quiet, `uwebsockets@${UWS_VERSION}`], {
    encoding: 'utf8',
  });
  return status === 0 ? '' : `npm cannot fetch uwebsockets: ${(stderr ?? '').trim().split('\n', 1)[0]}`;
}

/** Throws where there is no binary for this platform and version of Node.js. */
export function loadUws(): Uws {
  return createRequire(manifest)('uwebsockets') as Uws;
}
