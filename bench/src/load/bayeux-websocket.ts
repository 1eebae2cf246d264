/** A Bayeux client over WebSocket: handshake, subscription, and a connect that is always held by the server. */
import { CHANNEL } from '../scenarios.ts';
import { ackOf, batchOf } from './acknowledgement.ts';
import { countMessages, publishOf, smallTalk } from './chatter.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { RawWebSocket } from './raw-websocket.ts';

/** The fields of a reply that are looked at. */
export interface Reply {
  readonly channel: string;
  readonly successful?: boolean;
  readonly clientId?: string;
  readonly error?: string;
  readonly ext?: { readonly ack?: unknown };
}

/** Channels asked for in one message. */
const AT_ONCE = 100;

/** The `subscription` fields of the messages that ask for all of these. */
export function subscriptionsOf(channels: readonly string[]): string[] {
  if (channels.length === 1) return [JSON.stringify(channels[0])];
  const fields: string[] = [];
  for (let at = 0; at < channels.length; at += AT_ONCE) fields.push(JSON.stringify(channels.slice(at, at + AT_ONCE)));
  return fields;
}

export async function connectBayeux(options: PeerOptions): Promise<Peer> {
  const { route, chat = smallTalk, subscribes, subscriptions = [CHANNEL], ack = false } = options;
  const { onMessages, onReply, onLost } = options;
  const wanted = subscribes ? subscriptionsOf(subscriptions) : [];
  let clientId = '';
  let lastId = 0;
  let connected = false;
  let batch: number | undefined;
  let ready!: () => void;
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });

  const connect = (advice = ''): void =>
    socket.send(
      `[{"channel":"/meta/connect","connectionType":"websocket","clientId":"${clientId}","id":"${++lastId}"${ackOf(batch)}${advice}}]`,
    );
  const subscribe = (): void => {
    const subscription = wanted.shift();
    if (subscription === undefined) ready();
    else
      socket.send(
        `[{"channel":"/meta/subscribe","subscription":${subscription},"clientId":"${clientId}","id":"${++lastId}"}]`,
      );
  };

  const replied = (reply: Reply): void => {
    if (reply.successful === false) onLost(new Error(`${reply.channel}: ${reply.error}`));
    switch (reply.channel) {
      case '/meta/handshake':
        clientId = reply.clientId ?? '';
        if (ack) batch = 0;
        // The first connect is answered at once; the next one is held.
        connect(',"advice":{"timeout":0}');
        return;
      case '/meta/connect': {
        if (ack && typeof reply.ext?.ack === 'number') batch = reply.ext.ack;
        connect();
        if (connected) return;
        connected = true;
        subscribe();
        return;
      }
      case '/meta/subscribe':
        subscribe();
        return;
      case chat.channel:
        if (reply.successful === true) onReply();
        return;
      default:
    }
  };

  /** Frames of messages, the bulk, are not parsed; nobody who subscribes publishes. */
  const heard = (payload: Buffer, count: number): void => {
    onMessages(payload, count);
    const came = ack ? batchOf(payload) : undefined;
    if (came === undefined) return;
    batch = came;
    connect();
  };

  const socket = new RawWebSocket({
    ...route,
    path: '/cometd',
    onText: (payload) => {
      const count = subscribes ? countMessages(payload) : 0;
      if (count > 0) heard(payload, count);
      else for (const reply of JSON.parse(payload.toString()) as Reply[]) replied(reply);
    },
    onLost,
  });
  await socket.opened;
  const ext = ack ? ',"ext":{"ack":true}' : '';
  socket.send(
    `[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["websocket"],"id":"${++lastId}"${ext}}]`,
  );
  await isReady;
  return {
    publish: (stamp, count) => socket.sendMany(count, () => publishOf(stamp, ++lastId, clientId, chat)),
    stop: () => socket.stop(),
  };
}
