/** A Bayeux client over HTTP: a subscriber polls on one keep-alive connection, a publisher posts on another. */
import { CHANNEL } from '../scenarios.ts';
import { ackOf, batchOf } from './acknowledgement.ts';
import { type Reply, subscriptionsOf } from './bayeux-websocket.ts';
import { countMessages, publishOf, smallTalk } from './chatter.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { postOf, RawHttp } from './raw-http.ts';
import { RawHttp2 } from './raw-http2.ts';

const PATH = '/cometd';
const REFUSED = Buffer.from('"successful":false');

export async function connectBayeuxPolling(options: PeerOptions): Promise<Peer> {
  const { route, chat = smallTalk, subscribes, subscriptions = [CHANNEL], ack = false, http2 = false } = options;
  const { onMessages, onReply, onLost } = options;
  let cookie = '';
  let lastId = 0;
  let batch: number | undefined;
  let answered: ((response: Buffer) => void) | undefined;

  const http = new RawHttp({ ...route, onResponse: (response) => answered?.(response), onLost });
  const post = (body: string): Buffer => postOf(route.port, PATH, body, cookie);
  /** One exchange of the set-up, parsed in full. */
  const exchange = (body: string): Promise<Reply> =>
    new Promise((resolve, reject) => {
      answered = (response) => {
        const text = response.toString('latin1');
        cookie ||= /^set-cookie: *([^;\r]+)/im.exec(text)?.[1] ?? '';
        const json = text.slice(text.indexOf('[', text.indexOf('\r\n\r\n')), text.lastIndexOf(']') + 1);
        const [reply] = JSON.parse(json) as [Reply];
        if (reply.successful) resolve(reply);
        else reject(new Error(`${reply.channel}: ${reply.error}`));
      };
      http.send(post(body));
    });

  const ext = ack && subscribes ? ',"ext":{"ack":true}' : '';
  const { clientId = '' } = await exchange(
    `[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"],"id":"${++lastId}"${ext}}]`,
  );
  if (ack && subscribes) batch = 0;
  const connect = (advice: string): string =>
    `[{"channel":"/meta/connect","connectionType":"long-polling","clientId":"${clientId}","id":"${++lastId}"${ackOf(batch)}${advice}}]`;

  // Ids need not differ, so one prepared request serves for all polls, unless they say which batch has come.
  const again = connect('');
  const prepared = post(again);
  const heard = (bytes: Buffer): void => {
    const count = countMessages(bytes);
    if (count > 0) onMessages(bytes, count);
  };
  const keepPolling = (line: RawHttp): ((response: Buffer) => void) => {
    line.send(prepared);
    return (response) => {
      batch = batchOf(response) ?? batch;
      line.send(ack ? post(connect('')) : prepared);
      heard(response);
    };
  };

  if (!subscribes) {
    // Like a browser, a publisher posts on one connection and polls on another.
    let polled: (response: Buffer) => void;
    const second = new RawHttp({ ...route, onResponse: (response) => polled(response), onLost });
    polled = keepPolling(second);
    answered = (response) => {
      if (response.includes(REFUSED)) onLost(new Error(response.toString('latin1')));
      else onReply();
    };
    return {
      publish: (stamp) => http.send(post(publishOf(stamp, ++lastId, clientId, chat))),
      stop: () => http.stop(),
    };
  }

  for (const subscription of subscriptionsOf(subscriptions)) {
    await exchange(
      `[{"channel":"/meta/subscribe","subscription":${subscription},"clientId":"${clientId}","id":"${++lastId}"}]`,
    );
  }
  await exchange(connect(',"advice":{"timeout":0}'));
  if (http2) pollOverHttp2();
  else answered = keepPolling(http);
  return {
    publish: () => {
      throw new Error('A poller does not publish');
    },
    stop: () => http.stop(),
  };

  /** As a browser would if it had found out earlier: from now on the polls go over another connection. */
  function pollOverHttp2(): void {
    http.close();
    const line = new RawHttp2({
      ...route,
      path: PATH,
      cookie,
      onBody: (body) => {
        batch = batchOf(body) ?? batch;
        heard(body);
      },
      onEnd: () => line.send(ack ? connect('') : again),
      onLost,
    });
    line.send(again);
  }
}
