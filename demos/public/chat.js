/** The chat, put together: the door, the house, and the line between them and the server. */
import { Condition, endOf } from './condition.js';
import { Line } from './line.js';
import { Log } from './log.js';
import { Side } from './side.js';
import { Transcripts } from './transcript.js';
import { company, refusals, roomName } from './words.js';

const at = (id) => document.getElementById(id);
const title = document.title;
/** How long others may take to come back after an interruption before they are said to have left. */
const missFor = 15_000;

let me = { id: '', name: '' };
let room;
let members = [];
/** Who was here before an interruption and is not back yet, by id. */
const missed = new Map();
/** Who the next message is for, alone; undefined for everybody. */
let addressee;
let unread = 0;

const transcripts = new Transcripts();
const log = new Log({ list: at('log'), scroll: at('scroll'), newer: at('newer'), again: send });
const side = new Side({
  side: at('side'),
  talk: document.querySelector('.talk'),
  veil: at('veil'),
  menu: at('menu'),
  close: at('close'),
  rooms: at('rooms'),
  people: at('people'),
  count: at('count'),
  goTo,
  choose,
});
const condition = new Condition(
  {
    state: at('state'),
    text: at('state-text'),
    next: at('next'),
    door: at('join-state'),
    doorNext: at('join-next'),
    end: at('end'),
    why: at('end-why'),
  },
  tell,
);
const line = new Line({ status: showStatus, joined, refused, ready, said, news, whispered });

// The door

const join = at('join');
at('name').value = localStorage.getItem('name') ?? '';
const invited = roomName(decodeURIComponent(location.hash.slice(1)));
if (invited) at('room').value = invited;
if (matchMedia('(pointer: fine)').matches) at('name').focus();

join.addEventListener('submit', (event) => {
  event.preventDefault();
  if (isBusy()) return;
  const name = at('name').value.trim();
  const wanted = roomName(at('room').value);
  at('name').ariaInvalid = String(name === '');
  at('room').ariaInvalid = String(wanted === '');
  if (name === '') return complain('name');
  if (wanted === '') return complain('room');
  at('join-problem').textContent = '';
  localStorage.setItem('name', name);
  busy(true);
  line.join(name, wanted);
});

function isBusy() {
  return at('enter').ariaBusy === 'true';
}

function busy(is) {
  at('enter').ariaBusy = String(is);
  at('enter').textContent = is ? 'Joining' : 'Join the room';
}

function complain(reason) {
  at('join-problem').textContent = refusals[reason] ?? 'The server did not let you in. Try again.';
  at(reason === 'name' ? 'name' : 'room').focus();
}

function refused(reason) {
  if (at('house').hidden) {
    busy(false);
    condition.reset();
    return complain(reason);
  }
  const why = refusals[reason] ?? 'The server did not let you in.';
  if (line.isReady) tell(why, 'lost');
  else condition.end(why);
}

// The house

/** The server has let us in: for the first time, into another room, or again after an interruption. */
function joined(answer) {
  const first = at('house').hidden;
  const moved = first || answer.room !== room;
  if (moved) missed.clear();
  else miss(members.filter(({ id }) => !answer.members.some((member) => member.id === id)));
  me = answer.you;
  room = answer.room;
  members = answer.members;
  if (transcripts.merge(room, answer.history) || moved) log.show(transcripts.of(room), me);
  at('here').textContent = `#${room}`;
  history.replaceState(null, '', `#${room}`);
  side.showRooms(room);
  if (moved) choose(undefined);
  showPeople();
  if (first) {
    busy(false);
    at('door').hidden = true;
    at('house').hidden = false;
    log.show(transcripts.of(room), me);
  }
  if (moved) focusHouse();
  if (moved) showTitle();
}

function focusHouse() {
  (matchMedia('(pointer: fine)').matches ? at('text') : at('here')).focus();
}

function goTo(wanted) {
  line.join(me.name, wanted);
}

at('other-room').addEventListener('submit', (event) => {
  event.preventDefault();
  const wanted = roomName(at('other').value);
  if (wanted === '') return at('other').focus();
  at('other').value = '';
  at('close').click();
  if (wanted !== room) goTo(wanted);
});

at('leave').addEventListener('click', () => {
  at('close').click();
  line.leave();
  condition.reset();
  transcripts.clear();
  room = undefined;
  at('house').hidden = true;
  at('door').hidden = false;
  at('name').focus();
});

function showPeople() {
  side.showPeople(members, me, addressee);
  at('company').textContent = company(members.filter(({ id }) => id !== me.id).length);
}

/** An interruption lasts longer for some than for others: these may yet come back, and then they were never gone for us. */
function miss(people) {
  for (const person of people) {
    missed.set(person.id, person);
    setTimeout(() => {
      if (missed.get(person.id) === person && missed.delete(person.id)) tell(`${person.name} left`);
    }, missFor);
  }
}

function news({ joined: comer, left: leaver }) {
  const who = comer ?? leaver;
  const known = members.some(({ id }) => id === who.id);
  if (leaver && !known) return;
  members = members.filter(({ id }) => id !== who.id);
  if (comer) members.push(comer);
  showPeople();
  const back = missed.delete(who.id);
  if (who.id === me.id || (comer && (known || back))) return;
  tell(`${who.name} ${comer ? 'joined' : 'left'}`);
}

/** A line of the house's own in the conversation. */
function tell(text, tone) {
  if (room === undefined) return;
  const entry = { news: text, tone, at: Date.now() };
  transcripts.add(room, entry);
  log.add(entry, me);
}

function showStatus(status) {
  at('house').dataset.line = line.isReady ? 'up' : 'down';
  if (status.type !== 'terminated' || !at('house').hidden) return condition.show(status);
  // Refused at the door.
  line.leave();
  busy(false);
  condition.reset();
  at('join-problem').textContent = endOf(status);
}

at('again').addEventListener('click', () => {
  line.join(me.name, room);
  focusHouse();
});

// Talking

const text = at('text');

at('say').addEventListener('submit', (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words === '') return;
  text.value = '';
  fit();
  const local = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`;
  const entry = { key: `${me.id}.${local}`, local, room, from: me, text: words, at: Date.now(), fate: 'waiting' };
  if (addressee) entry.to = addressee;
  transcripts.add(room, entry);
  if (line.isReady) entry.fate = 'sending';
  log.add(entry, me);
  if (line.isReady) send(entry);
});

text.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && addressee) choose(undefined);
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  at('say').requestSubmit();
});
text.addEventListener('input', fit);

// Where the browser cannot size the field by its content.
function fit() {
  if (CSS.supports('field-sizing', 'content')) return;
  text.rows = Math.min(6, text.value.split('\n').length);
}

/** Sends an entry, for the first time or again. Whatever happens to it is shown on it; only the server's word makes it sent. */
function send(entry) {
  const fateIs = (fate, why) => {
    if (entry.fate === undefined) return;
    Object.assign(entry, { fate: fate === 'sent' ? undefined : fate, why });
    log.update(entry);
  };
  if (!line.isReady || entry.room !== room) return fateIs('waiting');
  fateIs('sending');
  const message = { key: entry.local, text: entry.text };
  if (entry.to) line.whisper(entry.to.id, message, fateIs);
  else line.say(entry.room, message, fateIs);
}

/** The line stands: what had to wait, or is in doubt, goes out now. */
function ready() {
  at('house').dataset.line = 'up';
  for (const entry of transcripts.unsent(room)) send(entry);
}

function said(entry) {
  const known = transcripts.find(room, entry.key);
  if (!known) return hear(entry);
  // Our own, come back: the proof that it was sent.
  known.fate = undefined;
  log.update(known);
}

function whispered(entry) {
  if (room !== undefined && !transcripts.find(room, entry.key)) hear(entry);
}

function hear(entry) {
  transcripts.add(room, entry);
  log.add(entry, me);
  if (!document.hidden) return;
  unread++;
  showTitle();
}

/** Writes to one person from now on, or to everybody. */
function choose(member) {
  addressee = member;
  at('private').hidden = member === undefined;
  at('private-name').textContent = member?.name ?? '';
  text.placeholder = member ? `Write to ${member.name} alone` : 'Write a message';
  showPeople();
  if (room !== undefined && !at('house').hidden) text.focus();
}

at('public').addEventListener('click', () => choose(undefined));

// The page

function showTitle() {
  document.title = `${unread > 0 ? `(${unread}) ` : ''}${room ? `#${room} · ` : ''}${title}`;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  unread = 0;
  showTitle();
});
addEventListener('pagehide', () => line.sleep());
addEventListener('pageshow', (event) => {
  if (event.persisted) line.wake();
});
