/** The states of a client, and the moves between them. Book section 9.2.2 and the Java client's state diagram. */

/** Where a client is in its life. `connected`: a connect was answered. `unconnected`: the last connect failed. */
export type ClientState =
  | 'disconnected'
  | 'handshaking'
  | 'rehandshaking'
  | 'handshaken'
  | 'connecting'
  | 'connected'
  | 'unconnected'
  | 'disconnecting'
  | 'terminating';

const leaving: readonly ClientState[] = ['disconnecting', 'terminating', 'disconnected'];
const shaking: readonly ClientState[] = ['rehandshaking', 'handshaken', ...leaving];
const connecting: readonly ClientState[] = ['rehandshaking', 'connected', 'unconnected', ...leaving];

/** Where each state may go. Every other move is refused. */
export const moves: Readonly<Record<ClientState, readonly ClientState[]>> = {
  disconnected: ['handshaking'],
  handshaking: shaking,
  rehandshaking: shaking,
  handshaken: ['connecting', ...leaving],
  connecting,
  connected: connecting,
  unconnected: connecting,
  disconnecting: leaving,
  terminating: leaving,
};

export function isHandshook(state: ClientState): boolean {
  return state === 'handshaken' || state === 'connecting' || state === 'connected' || state === 'unconnected';
}

export function isLeaving(state: ClientState): boolean {
  return leaving.includes(state);
}

export function isHandshaking(state: ClientState): boolean {
  return state === 'handshaking' || state === 'rehandshaking';
}

const implied: Readonly<Partial<Record<ClientState, readonly ClientState[]>>> = {
  handshaken: ['handshaking', 'rehandshaking'],
  connecting: ['handshaking', 'rehandshaking', 'handshaken'],
  connected: ['handshaking', 'rehandshaking', 'handshaken', 'connecting'],
  terminating: ['disconnecting'],
  disconnected: ['disconnecting', 'terminating'],
};

/** Whether who waits for `wanted` has what it waits for in `state`: the same, or one that comes after it. */
export function implies(state: ClientState, wanted: ClientState): boolean {
  return state === wanted || implied[state]?.includes(wanted) === true;
}
