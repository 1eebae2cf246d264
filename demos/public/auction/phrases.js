/** How the page says things. */

/** How the line is, in words that need no explanation. @param at name of the node */
export const stateText = {
  connecting: () => 'Connecting',
  connected: (at) => `Connected to ${at}`,
  slow: (at) => `Connected to ${at}, in a slower way`,
  lost: (at) => `${at} does not answer`,
  moving: (at) => `Going to ${at}`,
  forgotten: (at) => `${at} has forgotten us. Coming back`,
};

/** Why the auction refused, for the person who asked. */
export const refusals = {
  name: 'Please choose a name of 1 to 24 letters.',
  low: 'That is too low by now.',
  outbid: 'Somebody was faster.',
  leading: 'You are the highest already.',
  high: 'That is more than anybody has.',
  amount: 'Bids are whole coins.',
  too_fast: 'That was too fast. Take a breath.',
  unsure: 'The nodes do not answer. The price will tell whether your bid counts.',
};

const number = new Intl.NumberFormat('en');

export const coins = (amount) => `${number.format(amount)} ${amount === 1 ? 'coin' : 'coins'}`;
export const figure = (amount) => number.format(amount);

/** @param nodes how many there are @param others how many bidders beside oneself */
export function company(nodes, others) {
  const people = others === 0 ? 'nobody else yet' : others === 1 ? 'one other' : `${others} others`;
  return `${nodes === 1 ? 'One node' : `${nodes} nodes`} · ${people}`;
}
