/** A Bayeux client over WebSocket: handshake, subscription, and a connect that is always held by the server. */
import { CHANNEL } from '../scenarios.ts';
import { holdsMessages, publishOf } from './chatter.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { RawWebSocket } from './raw-websocket.ts';

/** The fields of a reply that are looked at. */
export interface Reply {
  readonly channel: string;
  readonly successful?: boolean;
  readonly clientId?: string;
  readonly error?: string;
}

export async function connectBayeux(options: PeerOptions): Promise<Peer> {
  const { port, subscribes, onBytes, onReply, onLost } = options;
  let clientId = '';
  let lastId = 0;
  let connected = false;
  let ready!: () => void;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });

  const connect = (advice = ''): void =>
    socket.send(
      `[{"channel":"/meta/connect","connectionType":"websocket","clientId":"${clientId}","id":"${++lastId}"${advice}}]`,
    );

  const replied = (reply: Reply): void => {
    if (reply.successful === false) onLost(new Error(`${reply.channel}: ${reply.error}`));
    switch (reply.channel) {
      case '/meta/handshake':
        clientId = reply.clientId ?? '';
        // The first connect is answered at once; the next one is held.
        connect(',"advice":{"timeout":0}');
        return;
      case '/meta/connect': {
        connect();
        if (connected) return;
        connected = true;
        if (!subscribes) ready();
        else
          socket.send(
            `[{"channel":"/meta/subscribe","subscription":"${CHANNEL}","clientId":"${clientId}","id":"s${lastId}"}]`,
          );
        return;
      }
      case '/meta/subscribe':
        ready();
        return;
      case CHANNEL:
        if (reply.successful === true) onReply();
        return;
      default:
    }
  };

  const socket = new RawWebSocket({
    port,
    path: '/cometd',
    onText: (payload) => {
      // Frames of messages only, the bulk, are not parsed; nobody who subscribes publishes.
      if (subscribes && holdsMessages(payload)) onBytes(payload);
      else for (const reply of JSON.parse(payload.toString()) as Reply[]) replied(reply);
    },
    onLost,
  });
  await socket.opened;
  socket.send(
    `[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["websocket"],"id":"${++lastId}"}]`,
  );
  await isReady;
  return { publish: (stamp, count) => socket.sendMany(count, () => publishOf(stamp, ++lastId, clientId)) };
}
