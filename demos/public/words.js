/** How the page says things. */

/** A room's name as it is written in a channel: what people type, in lower case, with hyphens between words. */
export function roomName(typed) {
  return typed
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export const timeOf = (at) => clock.format(at);

/** How the line is, in words that need no explanation. */
export const stateText = {
  connecting: 'Connecting',
  connected: 'Connected',
  slow: 'Connected, in a slower way',
  offline: 'This device is offline',
  lost: 'Connection lost',
  silent: 'The server does not answer',
  rejoining: 'Coming back into the room',
  forgotten: 'The server has forgotten us. Coming back',
  back: 'Connection is back',
  gap: 'Back. You may have missed messages',
  ended: 'Disconnected',
};

/** @param seconds until the next attempt; 0 while it is under way */
export function nextTry(seconds) {
  return seconds > 0 ? `next try in ${seconds} s` : 'trying now';
}

/** Why the server refused, for the person who asked. */
export const refusals = {
  name: 'Please choose a name of 1 to 24 letters.',
  room: 'Please name the room with letters, digits or hyphens, up to 24.',
  full: 'This room is full. Try another one.',
  text: 'the server does not take this text',
  too_fast: 'that was too fast',
  nobody: 'this person is not here any more',
};

/** @param others how many people beside oneself */
export function company(others) {
  if (others === 0) return 'Nobody else is here yet';
  return others === 1 ? 'You and one other person' : `You and ${others} other people`;
}

export function initials(name) {
  const words = name.split(' ').filter(Boolean);
  return words
    .slice(0, 2)
    .map((word) => [...word][0])
    .join('')
    .toUpperCase();
}

/** One of six colours, the same for everybody who sees this person. */
export function hueOf(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  return `hue-${sum % 6}`;
}
