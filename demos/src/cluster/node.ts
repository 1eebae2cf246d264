/** The process of one node: a Bayeux server of the auction with its pages. It lives as long as the process that started it. */
import { createServer } from 'node:http';
import { type Engine, hasLinks } from '@cometd-ts/oort';
import { meshEngine, staticDiscovery } from '@cometd-ts/oort/mesh';
import { natsEngine } from '@cometd-ts/oort/nats';
import { BayeuxServer } from '@cometd-ts/server';
import { Auction } from '../auction/auction.ts';
import { Warmth } from '../auction/warmth.ts';
import { pages } from '../pages.ts';
import type { FromNode, Report, Settings, Way } from './messages.ts';

/** How often a node looks whether there is something new to tell, in ms. */
const tick = 200;

process.once('message', (settings) => {
  void serve(settings as Settings).catch((error: unknown) => {
    say({ what: 'failed', reason: reasonOf(error, settings as Settings) });
    process.exit(1);
  });
});
// Ctrl-C reaches every process of a terminal; when it is time to go is for the parent to say.
process.on('SIGINT', () => undefined);

async function serve({ port, url, names, way }: Settings): Promise<void> {
  const others = Object.keys(names).filter((other) => other !== url);
  const origins = others.map((other) => new URL(other).origin);
  const server = new BayeuxServer({
    allowedOrigins: origins,
    maxMessageSize: 1_048_576,
    maxInterval: 5_000,
    logLevel: 'error',
  });
  const warmth = new Warmth();
  server.securityPolicy = warmth;
  const engine = engineOf(way, others);
  const tell = (text: string): void => say({ what: 'happened', at: Date.now(), text });
  const auction = new Auction(server, { url, engine, names, expected: others, warmth, tell });
  const http = createServer(pages({ folder: 'auction', shared, connect: origins }));
  server.attach(http, { path: '/cometd' });
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', resolve);
  });
  let last = '';
  const ticking = setInterval(() => {
    const report = reportOf(auction, engine, warmth);
    const text = JSON.stringify(report);
    if (text === last) return;
    last = text;
    say(report);
  }, tick);
  let isEnding = false;
  const end = async (): Promise<void> => {
    if (isEnding) return;
    isEnding = true;
    clearInterval(ticking);
    await auction.stop();
    await server.stop();
    http.close();
    http.closeAllConnections();
    process.exit();
  };
  process.once('SIGTERM', end);
  process.once('disconnect', end);
  await auction.start();
}

/** What is lost is missed soon, and what is back is found soon: this is to be looked at. */
function engineOf(way: Way, others: readonly string[]): Engine {
  if (way.engine === 'nats') return natsEngine({ servers: way.servers, namespace: 'auction', heartbeat: 500 });
  return meshEngine({
    secret: way.secret,
    discovery: staticDiscovery(others),
    allow: others,
    maxInterval: 2_000,
    timeout: 10_000,
    backoffIncrement: 250,
    maxBackoff: 1_000,
  });
}

/** What the auction's pages take from the other pages. */
const shared = ['tokens.css', 'chat.css', 'mark.svg', 'sky.svg', 'words.js', 'log.js'];

function reportOf(auction: Auction, engine: Engine, warmth: Warmth): Report {
  const { oort, ledger, bidders } = auction;
  const { present } = bidders;
  return {
    what: 'report',
    isOpen: warmth.isWarm,
    status: engine.status.state,
    reason: engine.status.reason,
    members: oort.members.map(({ url }) => url),
    links: hasLinks(engine) ? engine.links : [],
    bidders: present.filter(({ nodes }) => nodes.includes(oort.url)).map(({ id, name }) => ({ id, name })),
    present: present.length,
    parts: ledger.bids.getInfos().map(({ url, version, object }) => ({
      url,
      version,
      bids: Object.fromEntries([...object].map(([lot, { amount }]) => [lot, amount])),
    })),
  };
}

function say(message: FromNode): void {
  if (process.connected) process.send?.(message);
}

function reasonOf(error: unknown, { port }: Settings): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'EADDRINUSE' ? `Port ${port} is taken: choose others with --ports` : String(message);
}
