/** A Bayeux client over HTTP: a subscriber polls on one keep-alive connection, a publisher posts on another. */
import { CHANNEL } from '../scenarios.ts';
import type { Reply } from './bayeux-websocket.ts';
import { holdsMessages, publishOf } from './chatter.ts';
import type { Peer, PeerOptions } from './peer.ts';
import { postOf, RawHttp } from './raw-http.ts';

const PATH = '/cometd';
const REFUSED = Buffer.from('"successful":false');

export async function connectBayeuxPolling(options: PeerOptions): Promise<Peer> {
  const { port, subscribes, onBytes, onReply, onLost } = options;
  let cookie = '';
  let lastId = 0;
  let answered: ((response: Buffer) => void) | undefined;

  const http = new RawHttp({ port, onResponse: (response) => answered?.(response), onLost });
  const post = (body: string): Buffer => postOf(port, PATH, body, cookie);
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

  const { clientId = '' } = await exchange(
    `[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"],"id":"${++lastId}"}]`,
  );
  const connect = (advice: string): string =>
    `[{"channel":"/meta/connect","connectionType":"long-polling","clientId":"${clientId}","id":"${++lastId}"${advice}}]`;

  // Ids need not differ, so one prepared request serves for all polls.
  const poll = post(connect(''));
  const keepPolling = (line: RawHttp): ((response: Buffer) => void) => {
    line.send(poll);
    return (response) => {
      line.send(poll);
      if (holdsMessages(response)) onBytes(response);
    };
  };

  if (!subscribes) {
    // Like a browser, a publisher posts on one connection and polls on another.
    let polled: (response: Buffer) => void;
    const second = new RawHttp({ port, onResponse: (response) => polled(response), onLost });
    polled = keepPolling(second);
    answered = (response) => {
      if (response.includes(REFUSED)) onLost(new Error(response.toString('latin1')));
      else onReply();
    };
    return { publish: (stamp) => http.send(post(publishOf(stamp, ++lastId, clientId))) };
  }

  await exchange(
    `[{"channel":"/meta/subscribe","subscription":"${CHANNEL}","clientId":"${clientId}","id":"${++lastId}"}]`,
  );
  await exchange(connect(',"advice":{"timeout":0}'));
  answered = keepPolling(http);
  return {
    publish: () => {
      throw new Error('A poller does not publish');
    },
  };
}
