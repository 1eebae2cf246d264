/** The part of Faye that the benchmark uses; the package has no types. */
declare module 'faye' {
  import type { Server } from 'node:http';

  class NodeAdapter {
    constructor(options: { readonly mount: string; readonly timeout?: number });
    attach(server: Server): void;
  }
  class Client {
    constructor(url: string);
    disable(feature: 'websocket' | 'eventsource'): void;
    on(event: 'transport:down', heard: () => void): void;
    connect(done: () => void): void;
    subscribe(channel: string, heard: (data: unknown) => void): PromiseLike<unknown>;
    publish(channel: string, data: unknown): PromiseLike<unknown>;
  }
  const faye: { readonly NodeAdapter: typeof NodeAdapter; readonly Client: typeof Client };
  export default faye;
}
