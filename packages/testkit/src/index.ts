/** Launchers, raw clients and troublemakers for the tests of this repository. */

export { type Findings, History, type Mark } from './cluster/history.ts';
export { MemoryBuckets, MemoryVault } from './cluster/memory-buckets.ts';
export { MemoryCloud, type MemoryCloudOptions, type MemoryEngine } from './cluster/memory-cloud.ts';
export { furnish } from './furnish.ts';
export { HonestReplies } from './honest-replies.ts';
export type { WireMessage } from './inbox.ts';
export { Inbox } from './inbox.ts';
export type { Launched, LaunchOptions, Scheme } from './launch.ts';
export { certificate, launch } from './launch.ts';
export type { Answer, Asked, MaliciousOptions, Script } from './malicious-server.ts';
export { honestly, MaliciousServer } from './malicious-server.ts';
export type { RawHttpOptions, RawRequest, RawResponse } from './raw-http.ts';
export { RawHttp } from './raw-http.ts';
export type { RawTransport } from './raw-session.ts';
export { openSession, RawSession } from './raw-session.ts';
export type { Closing, RawWebSocketOptions } from './raw-websocket.ts';
export { RawWebSocket } from './raw-websocket.ts';
export type { Direction, Ending } from './toxic-proxy.ts';
export { ToxicProxy } from './toxic-proxy.ts';
