/** The page of the cloud, put together: what the nodes say, on the stage, on their cards, and in the tables. */
import { BayeuxClient } from '/lib/client.js';
import { make } from '/log.js';
import { Cards } from './cards.js';
import { Stage } from './stage.js';
import { showBids, showParts } from './tables.js';

/**
 * What travels where.
 *
 * @typedef {{ url: string, out: string, in: string, queued: number, problem: string }} Link
 * @typedef {{ url: string, version: number, bids: Record<string, number> }} Part
 * @typedef {{ isOpen: boolean, status: string, reason: string, members: string[], links: Link[], bidders: { id: string, name: string }[], present: number, parts: Part[] }} Report
 * @typedef {{ name: string, url: string, life: 'starting' | 'running' | 'killed' | 'ended', report: Report | null, reason: string }} Node
 * @typedef {{ id: number, node: string, at: number, text: string }} Told
 * @typedef {{
 *   '/cloud/state': { engine: 'mesh' | 'nats', nodes: Node[], titles: Record<string, string> },
 *   '/cloud/events': { events: Told[] },
 * }} Channels
 */

const at = (id) => document.getElementById(id);
const mostEvents = 80;
const engines = {
  mesh: 'The nodes are a mesh: each is a client of every other.',
  nats: 'The nodes are on NATS: it carries what they say, and keeps what they share.',
};
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

const stage = new Stage(at('sight'));
const cards = new Cards(at('nodes'), order);
let lastTold = 0;

/** @type {BayeuxClient<Channels>} */
const client = new BayeuxClient(new URL('/cometd', location.href), { backoffIncrement: 500, maxBackoff: 3_000 });
client.addListener('status', ({ type }) => {
  const isUp = type === 'connected' || type === 'degraded';
  at('state').dataset.state = isUp ? 'connected' : type === 'connecting' ? 'connecting' : 'lost';
  at('state-text').textContent = isUp
    ? 'Live'
    : type === 'connecting'
      ? 'Connecting'
      : 'The demo has ended, or does not answer';
  document.body.classList.toggle('stale', !isUp);
});
client.getChannel('/cloud/state').subscribe(({ data }) => show(data));
client.getChannel('/cloud/events').subscribe(({ data }) => tell(data.events));
client.handshake();

function show({ engine, nodes, titles }) {
  at('engine').textContent = engines[engine];
  stage.show(nodes, engine);
  cards.show(nodes);
  showParts(at('parts'), nodes);
  showBids(at('bids'), nodes, titles);
}

/** The newest first. Who subscribes again hears the last ones again; and a demo that is started anew counts anew. */
function tell(events) {
  if (events.length > 1 && events.at(-1).id < lastTold) lastTold = 0;
  for (const { id, node, at: when, text } of events) {
    if (id <= lastTold) continue;
    lastTold = id;
    const item = make('li', text.includes('killed') ? 'bad' : '');
    const time = make('time', '', clock.format(when));
    item.append(time, make('span', `who node-${cards.placeOf(node)}`, node), make('span', '', text));
    at('events').prepend(item);
  }
  while (at('events').childElementCount > mostEvents) at('events').lastElementChild.remove();
}

/** @param what `kill` or `start` */
async function order(name, what) {
  const { ok, status } = await fetch(`/nodes/${name}/${what}`, { method: 'POST' });
  return ok || status === 409;
}

addEventListener('pagehide', () => client.disconnect());
addEventListener('pageshow', (event) => {
  if (event.persisted) client.handshake();
});
