/** `cometd bench`: which side of a load test was asked for. */
import { Complaint } from '../complaint.ts';
import { benchCapacity, benchCapacityHelp } from './capacity.ts';
import { benchClient, benchClientHelp } from './client.ts';
import { compare } from './compare.ts';
import { serveHand } from './hand.ts';
import { writeReport } from './html.ts';
import { benchServer, benchServerHelp } from './server.ts';

export const benchHelp: string = `cometd bench: how many users, at which latency?

Usage:
  cometd bench capacity [options]  the answer: users come to a server until their messages take too long
  cometd bench server [options]    a server to be measured
  cometd bench client [options]    users who measure it, or any other Bayeux server
  cometd bench compare <a.json> <b.json> [report.html]   two kept results side by side

Without flags server and client ask, on a terminal. cometd bench capacity --help, cometd bench server --help and
cometd bench client --help list the flags.`;

/** Answers the exit code. */
export async function bench(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [side, ...rest] = args;
  const help = rest.includes('--help') || rest.includes('-h');
  switch (side) {
    case 'server':
      if (help) console.log(benchServerHelp);
      else await benchServer(rest, environment);
      return 0;
    case 'client':
      if (help) console.log(benchClientHelp);
      else return (await benchClient(rest, environment)) ? 0 : 1;
      return 0;
    case 'capacity':
      if (help) console.log(benchCapacityHelp);
      else return (await benchCapacity(rest)) ? 0 : 1;
      return 0;
    case 'compare': {
      const page = rest.find((one) => one.endsWith('.html'));
      const runs = await compare(rest.filter((one) => one !== page));
      if (page !== undefined) await writeReport(page, runs);
      return 0;
    }
    case 'hand':
      await serveHand();
      return 0;
    case undefined:
    case '--help':
    case '-h':
      console.log(benchHelp);
      return 0;
    default:
      throw new Complaint(`There is no 'cometd bench ${side}': it is capacity, server, client or compare`);
  }
}
