/** `cometd serve` in one process: from its options to its clean end. */
import type { RequestListener, Server } from 'node:http';
import type { BayeuxServer } from '@cometd-ts/server';
import type { ServeArguments } from './arguments.ts';
import { type Cluster, clustered } from './cluster.ts';
import type { Configured } from './config.ts';
import { farewell } from './farewell.ts';
import { attach, demoPages, furnish, notFound } from './furnish.ts';
import { announce, createListener, createManagement, listen, originOf } from './listener.ts';
import { guarded, type ManagementPlace, managementPages, metricsOf } from './management.ts';

/** Serves until SIGTERM or SIGINT; a second signal ends it at once. */
export async function serveAlone(given: ServeArguments, configured: Configured): Promise<void> {
  const { bayeux, place, cluster: wanted } = configured;
  const cluster = wanted ? await clustered(bayeux, wanted) : null;
  const operators = place ? await opened(bayeux, place, cluster) : null;
  try {
    const node = cluster && { oort: cluster.oort, seti: cluster.seti };
    for (const module of given.services) await furnish(module, bayeux, node);
    const pages = given.demo ? await demoPages(bayeux, node) : notFound;
    const server = await createListener(given, operators?.beside(pages) ?? pages);
    attach(bayeux, server, given);
    const notice = given.notice ?? (operators ? undefined : 0);
    const stopped = untilSignal(bayeux, server, { timeout: given.drain, notice, cluster });
    const port = await listen(server, { ...given, choice: '--port or PORT' });
    await cluster?.join();
    announce(given, port, operators?.url);
    await stopped;
  } finally {
    await cluster?.leave();
    await bayeux.stop();
    await operators?.close();
  }
}

/** Management, open from before the services are loaded until after the last client has gone. */
interface Operators {
  /** Where its own port is, if it has one. */
  readonly url: string | undefined;
  /** The pages of the clients' port, with the guarded path if there is one. */
  beside(pages: RequestListener): RequestListener;
  close(): Promise<void>;
}

async function opened(
  bayeux: BayeuxServer,
  { port, host, path, token }: ManagementPlace,
  cluster: Cluster | null,
): Promise<Operators> {
  const metrics = await metricsOf(bayeux, cluster?.metrics ?? []);
  const checks = cluster ? { cluster: cluster.check } : {};
  const inside = path !== undefined && token !== undefined ? { path, token } : null;
  const beside = (pages: RequestListener): RequestListener =>
    inside ? guarded(inside.path, inside.token, managementPages(bayeux, metrics, checks, inside.path), pages) : pages;
  if (port === undefined) return { url: undefined, beside, close: async () => undefined };
  const server = createManagement(managementPages(bayeux, metrics, checks));
  const close = farewell(server);
  const own = await listen(server, { port, host, choice: '--management' });
  return { url: originOf('http', host, own), beside, close };
}

interface Ending {
  readonly timeout: number;
  readonly notice: number | undefined;
  readonly cluster: Cluster | null;
}

/** Resolves when a signal has come and everything is closed. The cluster is left when the clients have gone, before the server stops. */
function untilSignal(bayeux: BayeuxServer, server: Server, { timeout, notice, cluster }: Ending): Promise<void> {
  const leave = farewell(server);
  const emptied = async (): Promise<void> => cluster?.leave();
  return new Promise((resolve) => {
    let isLeaving = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (isLeaving) process.exit(1);
      isLeaving = true;
      const ended =
        signal === 'SIGTERM' && timeout > 0
          ? bayeux.drain({ timeout, emptied, ...(notice !== undefined && { notice }) })
          : emptied().then(() => bayeux.stop());
      void ended.then(leave).then(resolve);
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}
