/** Clients of the limit: a message is echoed to all who said `subscribe`, or to all whose poll is parked. */
import { countMessages, publishOf, smallTalk } from './chatter.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { postOf, RawHttp } from './raw-http.ts';
import { RawWebSocket } from './raw-websocket.ts';

export async function connectFloor(options: PeerOptions): Promise<Peer> {
  const { route, chat = smallTalk, subscribes, onMessages, onReply, onLost } = options;
  let lastId = 0;
  let ready!: () => void;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const socket = new RawWebSocket({
    ...route,
    path: '/',
    onText: (payload) => {
      const count = countMessages(payload);
      if (count > 0) onMessages(payload, count);
      else if (subscribes) ready();
      else onReply();
    },
    onLost,
  });
  await socket.opened;
  if (subscribes) {
    socket.send('subscribe');
    await isReady;
  }
  return {
    publish: (stamp, count) => socket.sendMany(count, () => publishOf(stamp, ++lastId, '', chat)),
    stop: () => socket.stop(),
  };
}

export async function connectFloorPolling(options: PeerOptions): Promise<Peer> {
  const { route, chat = smallTalk, subscribes, onMessages, onReply, onLost } = options;
  let lastId = 0;
  const poll = postOf(route.port, '/', 'connect', '');
  const http = new RawHttp({
    ...route,
    onResponse: (response) => {
      if (!subscribes) {
        onReply();
        return;
      }
      http.send(poll);
      onMessages(response, countMessages(response));
    },
    onLost,
  });
  if (subscribes) http.send(poll);
  return {
    publish: (stamp) => http.send(postOf(route.port, '/', publishOf(stamp, ++lastId, '', chat), '')),
    stop: () => http.stop(),
  };
}
