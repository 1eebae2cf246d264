/** The part of Faye that the benchmark uses; the package has no types. */
declare module 'faye' {
  import type { Server } from 'node:http';

  class NodeAdapter {
    constructor(options: { readonly mount: string; readonly timeout?: number });
    attach(server: Server): void;
  }
  const faye: { readonly NodeAdapter: typeof NodeAdapter };
  export default faye;
}
