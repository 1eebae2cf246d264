/**
 * A program for any runtime that knows npm: speaks Bayeux through the platform, by HTTP and by WebSocket, with one
 * cookie for both, and prints what it saw. Arguments: the URL of a server, and the certificate to trust, if any.
 */
import { argv, exit } from 'node:process';
import { nodePlatform } from '@cometd-ts/client/node';

const [url = '', ca] = argv.slice(2);
const trusting = ca ? { tls: { ca } } : {};
const platform = nodePlatform(trusting);
type Reply = { channel: string; clientId?: string; successful?: boolean; data?: unknown };

function post(messages: object[], by = platform): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    by.request({
      url,
      headers: {},
      body: JSON.stringify(messages),
      onProgress: () => undefined,
      onResponse: (status, _statusText, text) => {
        if (status === 200) resolve(JSON.parse(text));
        else reject(new Error(text));
      },
      onError: (reason) => reject(new Error(reason)),
    });
  });
}

function talk(messages: object[], by = platform): Promise<Reply[]> {
  return new Promise((resolve, reject) => {
    const replies: Reply[] = [];
    const socket = by.openWebSocket(url.replace(/^http/, 'ws'), null, {});
    socket.onopen = () => socket.send(JSON.stringify(messages));
    socket.onmessage = ({ data }: { data: string }) => {
      replies.push(...JSON.parse(data));
      if (replies.length >= messages.length) socket.close(1000);
    };
    socket.onerror = ({ message }: { message: string }) => reject(new Error(message));
    socket.onclose = () => resolve(replies);
  });
}

/** Why something failed; undefined if it did not. */
async function refusal(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const supportedConnectionTypes = ['long-polling', 'websocket'];
const [greeting] = await post([{ channel: '/meta/handshake', id: '1', version: '1.0', supportedConnectionTypes }]);
const clientId = greeting?.clientId;
const echo = { channel: '/service/echo', clientId, data: 'ä€😀' };
const byHttp = await post([{ ...echo, id: '2' }]);
const byWebSocket = await talk([
  { ...echo, id: '3' },
  { channel: '/meta/disconnect', clientId, id: '4' },
]);
const stranger = nodePlatform();
const untrusted = ca ? [await refusal(post([], stranger)), await refusal(talk([], stranger))] : [];
console.log(JSON.stringify({ byHttp: byHttp[0]?.data, byWebSocket: byWebSocket[0]?.data, untrusted }));
platform.closeIdle();
exit(0);
