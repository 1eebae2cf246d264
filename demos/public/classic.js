// The chat with one classic script and the API of the book's chapter 8. It shares its rooms with the other page.
(() => {
  const cometd = new org.cometd.CometD();
  cometd.configure({ url: `${location.origin}/cometd`, logLevel: 'warn', connectTimeout: 4000, maxBackoff: 8000 });
  // A page that is loaded again goes on with the session of the one before.
  cometd.registerExtension('reload', new org.cometd.ReloadExtension());

  const at = (id) => document.getElementById(id);
  const newKey = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 12)}`;

  /** Who we are and where: { name, room, token }. Whoever comes back with the same token is the same person. */
  let wish = JSON.parse(sessionStorage.getItem('chat') ?? 'null');
  let me;
  let members = [];
  let connected = false;
  const shown = new Map();

  // The session

  cometd.addListener('/meta/handshake', ({ successful, error, advice }) => {
    if (!successful) {
      if (advice?.reconnect === 'none') ended(`The server did not let you in: ${error}`);
      else at('join-problem').textContent = 'The server does not answer. Trying again.';
      return;
    }
    // A new session has neither seat nor subscriptions. In one batch: the seat first, for it opens the channels.
    cometd.batch(() => {
      const { name, room } = wish;
      cometd.remoteCall('chat/join', wish, ({ successful, data }) => {
        if (successful) joined(data);
        else if (data?.refused) ended(`That does not work: ${data.refused}. Choose another name or room.`);
      });
      cometd.subscribe(`/chat/${room}`, ({ data }) => said(data));
      cometd.subscribe(`/members/${room}`, ({ data }) => news(data));
      document.title = `#${room} · ${name}`;
    });
  });

  cometd.addListener('/meta/connect', ({ successful }) => {
    if (cometd.isDisconnected() || successful === connected) return;
    connected = successful;
    if (connected) state('connected', 'Connected');
    else state('lost', 'Connection lost');
  });

  cometd.addListener('/meta/disconnect', ({ successful }) => {
    connected = false;
    if (successful && wish) ended('The server has ended the conversation.');
  });

  cometd.addListener('/service/privatechat', ({ data }) => said(data));

  addEventListener('pagehide', () => cometd.reload());

  // The door

  at('name').value = localStorage.getItem('name') ?? '';
  if (wish) cometd.handshake();

  at('join').addEventListener('submit', (event) => {
    event.preventDefault();
    const name = at('name').value.trim();
    at('join-problem').textContent = name ? '' : 'Please choose a name.';
    if (!name || !cometd.isDisconnected()) return;
    localStorage.setItem('name', name);
    wish = { name, room: at('room').value.trim().toLowerCase(), token: newKey() };
    sessionStorage.setItem('chat', JSON.stringify(wish));
    cometd.handshake();
  });

  at('leave').addEventListener('click', () => ended(''));

  function ended(why) {
    wish = null;
    sessionStorage.removeItem('chat');
    cometd.disconnect();
    connected = false;
    shown.clear();
    at('log').replaceChildren();
    me = undefined;
    at('join-problem').textContent = why;
    at('house').hidden = true;
    at('door').hidden = false;
    at('name').focus();
  }

  // The house

  function joined({ you, room, members: people, history }) {
    me = you;
    members = people;
    at('here').textContent = `#${room}`;
    at('door').hidden = true;
    at('house').hidden = false;
    showPeople();
    for (const one of history) said(one);
    at('text').focus();
  }

  function news({ joined: comer, left: leaver }) {
    if (!me) return;
    const who = comer ?? leaver;
    const known = members.some(({ id }) => id === who.id);
    members = members.filter(({ id }) => id !== who.id);
    if (comer) members.push(comer);
    showPeople();
    if (known === Boolean(comer)) return;
    append(make('p', 'news', `${who.name} ${comer ? 'joined' : 'left'}`));
  }

  function showPeople() {
    at('people').textContent = members.map(({ name }) => name).join(', ');
  }

  function state(name, words) {
    at('state').dataset.state = name;
    at('state-text').textContent = words;
  }

  // Talking

  at('say').addEventListener('submit', (event) => {
    event.preventDefault();
    const text = at('text').value.trim();
    if (text === '') return;
    at('text').value = '';
    const key = newKey();
    said({ key: `${me.id}.${key}`, from: me, text, at: Date.now() });
    publish({ key, text });
  });

  function publish(message) {
    const entry = shown.get(`${me.id}.${message.key}`);
    fate(entry, '', '');
    cometd.publish(`/chat/${wish.room}`, message, ({ successful, error, failure }) => {
      if (successful || !entry.isConnected) return;
      const words = failure?.sent === 'perhaps' ? 'Perhaps sent: the connection broke.' : 'Not sent.';
      const [, reason] = String(error).split(':');
      fate(entry, 'failed', reason === 'too_fast' ? 'Not sent: that was too fast.' : words);
      const again = make('button', '', 'Try again');
      again.type = 'button';
      again.addEventListener('click', () => publish(message));
      entry.querySelector('.fate').append(again);
    });
  }

  function fate(entry, name, words) {
    if (name) entry.dataset.fate = name;
    else delete entry.dataset.fate;
    entry.querySelector('.fate').textContent = words;
  }

  // What the server repeats, because it came back or because it was sent again, is there once.
  function said({ key, from, to, text, at: when }) {
    const known = shown.get(key);
    if (known) return fate(known, '', '');
    const mine = from.id === me?.id;
    const entry = make('article', `said ${mine ? 'mine' : ''} ${to ? 'whisper' : ''}`);
    const who = make('p', `who hue-${hueOf(from.id)}`);
    who.append(mine ? make('span', 'away', 'You') : make('span', 'name', from.name));
    if (to) who.append(make('span', 'aside', 'privately to you'));
    who.append(make('time', '', new Date(when).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })));
    const face = make('span', `face hue-${hueOf(from.id)}`, [...from.name][0].toUpperCase());
    face.setAttribute('aria-hidden', 'true');
    entry.append(face, who, make('div', 'bubble', text), make('p', 'fate'));
    shown.set(key, entry);
    append(entry);
  }

  // Whatever people wrote enters as text, never as markup.
  function make(tag, className, text = '') {
    const node = document.createElement(tag);
    node.className = className;
    node.textContent = text;
    return node;
  }

  function append(node) {
    at('log').append(node);
    at('scroll').scrollTop = at('scroll').scrollHeight;
  }

  function hueOf(id) {
    let sum = 0;
    for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
    return sum % 6;
  }
})();
