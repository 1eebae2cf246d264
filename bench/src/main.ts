/** `npm run bench`: runs the scenarios of a suite in interleaved rounds, prints the tables and keeps them. */
import { benchClients, usage as clientsUsage } from './clients/suite.ts';
import { benchCluster, usage as clusterUsage } from './cluster/suite.ts';
import { benchServers, usage as serversUsage } from './compare/suite.ts';
import { benchCrowd, usage as crowdUsage } from './scaling/crowd.ts';
import { benchWorkers, usage as workersUsage } from './scaling/workers.ts';

const usage = `${serversUsage}

${clientsUsage}

${clusterUsage}

${workersUsage}

${crowdUsage}`;

try {
  const [suite = '', ...flags] = process.argv.slice(2);
  if (suite === 'clients') await benchClients(flags);
  else if (suite === 'cluster') await benchCluster(flags);
  else if (suite === 'workers') await benchWorkers(flags);
  else if (suite === 'crowd') await benchCrowd(flags);
  else if (suite === 'compare') await benchServers(flags);
  else await benchServers(process.argv.slice(2));
} catch (error) {
  const misuse = error instanceof RangeError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  console.error(misuse ? `${(error as Error).message}\n\n${usage}` : error);
  process.exitCode = 1;
}
