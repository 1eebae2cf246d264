/** The auction, put together: the door, the hall, and the line between them and the nodes. */
import { make } from '/log.js';
import { timeOf } from '/words.js';
import { Line } from './line.js';
import { Lots } from './lots.js';
import { coins, company, refusals, stateText } from './phrases.js';
import { Side } from './side.js';

const at = (id) => document.getElementById(id);
const mostNews = 60;
/** How long the page says that it has moved, in ms. */
const noticeFor = 12_000;

let me = { id: '', name: '' };
let here = '';
let doors = [];
let nodes = [];
let bidders = [];
let lots = [];
let categories = [];
let category;
let settling;

const line = new Line({ status, entered, refused, moving, standing, bidders: bidden, nodes: noded, outbid });
const cards = new Lots(at('lots'), (lot, amount) => line.bid(lot, amount));
const side = new Side({
  side: at('side'),
  hall: at('hall'),
  veil: at('veil'),
  menu: at('menu'),
  close: at('close'),
  categories: at('categories'),
  bidders: at('bidders'),
  count: at('count'),
  choose,
});

// The door

at('name').value = sessionStorage.name ?? '';
if (matchMedia('(pointer: fine)').matches) at('name').focus();

at('enter').addEventListener('submit', (event) => {
  event.preventDefault();
  if (at('go').ariaBusy === 'true') return;
  const name = at('name').value.trim();
  at('name').ariaInvalid = String(name === '');
  if (name === '') return refused('name');
  at('enter-problem').textContent = '';
  sessionStorage.name = name;
  busy(true);
  line.enter(name);
});

function busy(is) {
  at('go').ariaBusy = String(is);
  at('go').textContent = is ? 'Entering' : 'Take a seat';
}

function refused(reason) {
  line.leave();
  leaveHall();
  at('enter-problem').textContent = refusals[reason] ?? 'The auction did not let you in. Try again.';
}

// The hall

/** A node has let us in: for the first time, or again, or another one than before. */
function entered(answer, from) {
  const first = at('house').hidden;
  me = answer.you;
  here = answer.node;
  ({ doors, nodes, bidders, lots, categories } = answer);
  cards.show(lots, answer.standings, me);
  side.showCategories(categories, lots, category);
  showBidders();
  if (first) {
    busy(false);
    at('enter-state').textContent = '';
    at('door').hidden = true;
    at('house').hidden = false;
    at('here').focus();
    tell(`You have taken a seat at ${nameOf(here)}.`);
  } else if (from) {
    notice(`${from.name} is gone. You are at ${nameOf(here)} now, in a new session; your bids stand.`, 'good');
    tell(`You have moved from ${from.name} to ${nameOf(here)}.`, 'good');
  }
  stateIs('connected', nameOf(here));
}

function leaveHall() {
  busy(false);
  clearTimeout(settling);
  at('notice').textContent = '';
  at('tape').replaceChildren();
  at('enter-state').textContent = '';
  at('house').hidden = true;
  at('door').hidden = false;
  at('name').focus();
}

at('leave').addEventListener('click', () => {
  side.close();
  line.leave();
  leaveHall();
});

function choose({ id, title }) {
  category = id;
  cards.filter(id);
  at('here').textContent = title;
  at('scroll').scrollTop = 0;
  side.showCategories(categories, lots, id);
}

function nameOf(url) {
  return doors.find((door) => door.url === url)?.name ?? new URL(url).host;
}

function showBidders() {
  side.showBidders(bidders, me, nameOf);
  const others = bidders.filter(({ id }) => id !== me.id).length;
  at('company').textContent = company(nodes.length, others);
}

// What happens

function standing(one) {
  if (!cards.stand(one)) return;
  const who = one.bidder.id === me.id ? 'You lead' : `${one.bidder.name} leads`;
  tell(`${who} for ${cards.titleOf(one.lot)} with ${coins(one.amount)}.`);
}

function bidden(present) {
  const key = ({ id, name }) => `${name}~${id}`;
  const before = new Set(bidders.map(key));
  const after = new Set(present.map(key));
  for (const one of present)
    if (!before.has(key(one)) && one.id !== me.id) tell(`${one.name} has come to ${one.nodes.map(nameOf).join(', ')}.`);
  for (const one of bidders)
    if (!after.has(key(one)) && one.id !== me.id) tell(`${one.name} has left ${one.nodes.map(nameOf).join(', ')}.`);
  bidders = present;
  showBidders();
}

function noded(present) {
  for (const url of present) if (!nodes.includes(url)) tell(`${nameOf(url)} has joined the cluster.`, 'good');
  for (const url of nodes) if (!present.includes(url)) tell(`${nameOf(url)} has left the cluster.`, 'bad');
  nodes = present;
  showBidders();
}

function outbid(news) {
  cards.outbid(news);
}

/** A line on the tape, the newest first. */
function tell(text, tone = '') {
  const item = make('li', tone);
  const time = make('time', '', timeOf(Date.now()));
  item.append(time, make('span', '', text));
  at('tape').prepend(item);
  while (at('tape').childElementCount > mostNews) at('tape').lastElementChild.remove();
}

// The line

function status({ type }, door) {
  if (type === 'connecting' && at('house').hidden) return;
  if (type === 'degraded') stateIs('slow', door.name);
  if (type === 'unconnected') {
    stateIs('lost', door.name);
    at('enter-state').textContent = at('house').hidden ? 'The node does not answer. Trying again.' : '';
  }
  if (type === 'terminated' && at('house').hidden)
    at('enter-state').textContent = 'The node lets nobody in yet. Trying again.';
  if (type === 'session-lost') stateIs('forgotten', door.name);
}

function moving(gone, next) {
  stateIs('moving', next.name);
  notice(`${gone.name} does not answer. Going to ${next.name}.`, 'bad');
}

function stateIs(state, name) {
  at('state').dataset.state = state === 'moving' ? 'rejoining' : state;
  at('state-text').textContent = stateText[state](name);
}

function notice(text, tone) {
  clearTimeout(settling);
  at('notice').textContent = text;
  at('notice').dataset.tone = tone;
  if (tone === 'good') settling = setTimeout(() => notice('', ''), noticeFor);
}

addEventListener('pagehide', () => line.sleep());
addEventListener('pageshow', (event) => {
  if (event.persisted) line.wake();
});
