/** What the clients are asked to do, over what, and who takes part. */

export type ClientName = 'BayeuxClient' | 'CometD' | 'cometd' | 'faye' | 'socket.io-client' | 'floor';
export type Transport = 'websocket' | 'long-polling';

export const clientNames: readonly ClientName[] = [
  'BayeuxClient',
  'CometD',
  'cometd',
  'faye',
  'socket.io-client',
  'floor',
];
/** Those of this project, which the others are compared with. */
export const ours: readonly ClientName[] = ['BayeuxClient', 'CometD'];
export const peers: readonly ClientName[] = ['cometd', 'faye', 'socket.io-client'];

export interface ClientScenario {
  readonly name: string;
  readonly title: string;
  readonly transport: Transport;
  readonly task: 'receive' | 'publish';
  /** Messages to receive in one frame or response, or publishes in flight. */
  readonly together: number;
  /** Characters of the text in a message. */
  readonly size: number;
}

const transports: readonly Transport[] = ['websocket', 'long-polling'];
const tasks: readonly ClientScenario['task'][] = ['receive', 'publish'];

/** `receive`, `receive-10-1k`, `polling-publish`, …: every task over every transport, one and ten together, small and large. */
export const clientScenarios: readonly ClientScenario[] = transports.flatMap((transport) =>
  tasks.flatMap((task) =>
    [1, 10].flatMap((together) => [50, 1_024].map((size) => scenarioOf(transport, task, together, size))),
  ),
);

function scenarioOf(
  transport: Transport,
  task: ClientScenario['task'],
  together: number,
  size: number,
): ClientScenario {
  const polling = transport === 'long-polling';
  const name = `${polling ? 'polling-' : ''}${task}${together > 1 ? `-${together}` : ''}${size > 1_000 ? '-1k' : ''}`;
  const count = together > 1 ? 'ten' : 'one';
  const how = task === 'publish' ? `${count} in flight` : `${count} in a ${polling ? 'response' : 'frame'}`;
  const title = `${task === 'publish' ? 'Publish' : 'Receive'} over ${polling ? 'long-polling' : 'WebSocket'}, ${how}, ${size} characters`;
  return { name, title, transport, task, together, size };
}

/** Everybody, but that the floor is only there for WebSocket. */
export function clientsOf({ transport }: ClientScenario): readonly ClientName[] {
  return transport === 'websocket' ? clientNames : clientNames.filter((name) => name !== 'floor');
}

/** Messages a server pushes ahead of a client over WebSocket: enough that the client never waits for it. */
export const WINDOW = 500;
/** The client tells the server each time it has received so many messages over WebSocket. */
export const CREDIT = 100;

export function findScenario(name: string | undefined): ClientScenario {
  const found = clientScenarios.find((one) => one.name === name);
  if (!found) throw new RangeError(`There is no scenario '${name}'`);
  return found;
}

/** What is pushed and published. Numbers are consecutive, so that no loss goes unseen. */
export interface Chat {
  readonly room: number;
  readonly n: number;
  readonly chat: string;
}

export function chatter({ size }: ClientScenario): () => Chat {
  const chat = 'the quick brown fox jumps over the lazy dog, and so '.repeat(20).slice(0, size);
  let n = 0;
  return () => ({ room: 1, n: n++, chat });
}
