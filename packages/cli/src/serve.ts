/** `cometd serve`: a standalone Bayeux server, in this process or in several. */
import { fileURLToPath } from 'node:url';
import { serveAlone } from './alone.ts';
import { parseServe } from './arguments.ts';
import { Complaint } from './complaint.ts';
import { configured, effective } from './config.ts';

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
      --workers <number>      processes that serve together, for machines with several cores; auto for one each
                              (COMETD_WORKERS, default: no processes but this one)
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
      --cluster <urls>        makes it a node of a cluster on NATS: nats://host:4222, or several of one NATS cluster, separated
                              by commas (COMETD_CLUSTER); --oort-url is a name then, by default of host and port
      --log-level <level>     debug, info, warn, error or silent (default warn)

Options are those of the server library; what is set later wins: --config, then flags, then --set.
SIGTERM drains it, SIGINT ends it cleanly at once; a second signal does not wait.`;

/** The command, for processes that are to run it as well. */
const command = new URL('../bin/cometd.js', import.meta.url);

/** Serves until SIGTERM or SIGINT. What takes more than one process is loaded by those who ask for it. */
export async function serve(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const given = parseServe(args, environment);
  if (environment.COMETD_WORKER) {
    const { work } = await import('./workers/worker.ts');
    return work(given, environment);
  }
  const configuration = await configured(given, environment);
  const { bayeux, cluster, workers } = configuration;
  bayeux.diagnostics.debug('configuration', () => `Effective configuration:\n${effective(bayeux, given, cluster)}`);
  if (given.demo && given.path !== '/cometd') throw new Complaint('The demos want the path /cometd: leave out --path');
  if (!workers) return serveAlone(given, configuration);
  const { supervise } = await import('./workers/supervisor.ts');
  await supervise(given, configuration, workers, { exec: fileURLToPath(command), args: ['serve', ...args] });
}
