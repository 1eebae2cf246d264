/** `cometd serve`: a standalone Bayeux server, from its options to its clean end. */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BayeuxServer } from '@cometd-ts/server';
import { parseServe, type ServeArguments } from './arguments.ts';
import { type Cluster, clustered, type Node } from './cluster.ts';
import { Complaint, reasonOf } from './complaint.ts';
import { configured, effective } from './config.ts';
import { farewell } from './farewell.ts';
import { createListener, createManagement, listen } from './listener.ts';
import { guarded, type ManagementPlace, managementPages, metricsOf } from './management.ts';

export const serveHelp: string = `cometd serve: a standalone Bayeux server

  -p, --port <number>         where to listen; 0 for any free port (PORT, default 8080)
      --host <name>           address to listen on; 0.0.0.0 for all (HOST, default 127.0.0.1: this machine only)
      --path <path>           where Bayeux answers (default /cometd)
  -c, --config <file>         options of the server, as .json or .yaml
      --set <name=value>      one option, such as --set timeout=20000; may be repeated
      --allowed-origins <list>  foreign origins that may use the server, separated by commas
      --cert <file> --key <file>  TLS, with HTTP/2 and HTTP/1.1
      --services <module>     your module: its default export, or its export 'services', gets the server, and on a node
                              { oort, seti }; may be repeated
      --demo                  serves the demos; they want the path /cometd
      --drain <ms>            how long SIGTERM may take: sessions are sent elsewhere first; 0 ends all at once (default 25000)
      --management <port>     /metrics, /livez, /readyz and /startupz on a port of their own; 0 for any free port (default off)
      --management-host <name>  address of that port (default 127.0.0.1: this machine only)
      --management-path <path>  the same on the port of the clients, for who shows the token in COMETD_MANAGEMENT_TOKEN
      --notice <ms>           how long SIGTERM changes nothing but /readyz, so that load balancers notice; part of --drain
                              (default an eighth of it, at most 3000; without management 0)
      --oort-url <url>        makes it a node of a cluster: the URL by which other nodes reach it. The secret of all nodes is
                              COMETD_OORT_SECRET, or oort.secret in the file, never on the command line
      --oort-cloud <urls>     where other nodes are, separated by commas; one that lives is enough
      --oort-channels <list>  channels and patterns whose messages of other nodes are wanted, separated by commas
      --log-level <level>     debug, info, warn, error or silent (default warn)

Options are those of the server library; what is set later wins: --config, then flags, then --set.
SIGTERM drains it, SIGINT ends it cleanly at once; a second signal does not wait.`;

/** Serves until SIGTERM or SIGINT; a second signal ends it at once. */
export async function serve(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const given = parseServe(args, environment);
  const { bayeux, place, cluster: wanted } = await configured(given, environment);
  bayeux.diagnostics.debug('configuration', () => `Effective configuration:\n${effective(bayeux, given, wanted)}`);
  if (given.demo && given.path !== '/cometd') throw new Complaint('The demos want the path /cometd: leave out --path');
  const cluster = wanted ? await clustered(bayeux, wanted) : null;
  const operators = place ? await opened(bayeux, place, cluster) : null;
  try {
    for (const module of given.services) await furnish(module, bayeux, cluster);
    const pages = given.demo ? await demoPages(bayeux) : notFound;
    const server = await createListener(given, operators?.beside(pages) ?? pages);
    attach(bayeux, server, given);
    const notice = given.notice ?? (operators ? undefined : 0);
    const stopped = untilSignal(bayeux, server, { timeout: given.drain, notice, cluster });
    const port = await listen(server, { ...given, choice: '--port or PORT' });
    await cluster?.join();
    if (operators?.url !== undefined) console.log(`Management is listening on ${operators.url}`);
    const scheme = given.cert === undefined ? 'http' : 'https';
    console.log(`CometD is listening on ${originOf(scheme, given.host, port)}${given.demo ? '/' : given.path}`);
    await stopped;
  } finally {
    await cluster?.leave();
    await bayeux.stop();
    await operators?.close();
  }
}

function originOf(scheme: string, host: string, port: number): string {
  const name = ['0.0.0.0', '::'].includes(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${scheme}://${name}:${port}`;
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

function attach(bayeux: BayeuxServer, server: Server, given: ServeArguments): void {
  try {
    bayeux.attach(server, { path: given.path });
  } catch (error) {
    throw new Complaint(reasonOf(error));
  }
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'text/plain;charset=UTF-8' });
  response.end('Nothing here\n');
}

/** Hands the server to a module of the user's. */
async function furnish(module: string, bayeux: BayeuxServer, cluster: Node | null): Promise<void> {
  const url = pathToFileURL(path.resolve(module)).href;
  let exports: { default?: unknown; services?: unknown };
  try {
    exports = await import(url);
  } catch (error) {
    throw new Complaint(`The services ${module} cannot be loaded: ${reasonOf(error)}`);
  }
  const services = exports.services ?? exports.default;
  if (typeof services !== 'function') {
    throw new Complaint(`The services ${module} must export a function, as default or as 'services'`);
  }
  try {
    if (cluster) await services(bayeux, { oort: cluster.oort, seti: cluster.seti });
    else await services(bayeux);
  } catch (error) {
    bayeux.diagnostics.debug('services', () => `Failure in ${module}: ${error instanceof Error ? error.stack : error}`);
    throw new Complaint(`The services ${module} failed: ${reasonOf(error)}`);
  }
}

/** The demos are a package of their own, which is not installed with this one. */
async function demoPages(bayeux: BayeuxServer): Promise<RequestListener> {
  const name = '@cometd-ts/demos';
  let demos: { demo(bayeux: BayeuxServer): RequestListener };
  try {
    demos = await import(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Complaint('The demos are not installed here: clone the repository, and run npm ci and npm start there');
  }
  return demos.demo(bayeux);
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
