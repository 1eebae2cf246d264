/** A Socket.IO client over WebSocket: Engine.IO 4 packets, events of one argument, acknowledgements. */
import { countMessages, messageOf, smallTalk } from './chatter.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { RawWebSocket } from './raw-websocket.ts';

// First characters of packets: Engine.IO type, then Socket.IO type.
const OPEN = '0';
const PING = '2';
const PONG = '3';
const CONNECT = '40';
const EVENT = '42';
const ACK = '43';
const FIRST_MESSAGE = '4'.charCodeAt(0);

export async function connectSocketIo(options: PeerOptions, asksReply: boolean): Promise<Peer> {
  const { route, chat = smallTalk, onMessages, onReply, onLost } = options;
  let lastId = 0;
  let ready!: () => void;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const socket = new RawWebSocket({
    ...route,
    path: '/socket.io/?EIO=4&transport=websocket',
    onText: (payload) => {
      const count = payload[0] === FIRST_MESSAGE ? countMessages(payload) : 0;
      if (count > 0) {
        onMessages(payload, count);
        return;
      }
      const text = payload.toString('latin1');
      if (text.startsWith(ACK)) onReply();
      else if (text.startsWith(CONNECT)) ready();
      else if (text.startsWith(OPEN)) socket.send(CONNECT);
      else if (text === PING) socket.send(PONG);
      else onLost(new Error(`A packet this client does not know: ${text}`));
    },
    onLost,
  });
  await isReady;
  return {
    publish: (stamp, count) => {
      socket.sendMany(count, () => {
        const id = ++lastId;
        return `${EVENT}${asksReply ? id : ''}["publish",${messageOf(stamp, id, '', chat)}]`;
      });
    },
    stop: () => socket.stop(),
  };
}
