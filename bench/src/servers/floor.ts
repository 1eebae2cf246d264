/**
 * The limit: what a Node.js program costs that only receives, frames once and writes. No sessions, no channels.
 * The text `subscribe` makes a connection a subscriber; the body `connect` parks a poll.
 */
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { CHANNEL } from '../scenarios.ts';
import { createListener, listen } from './listener.ts';
import type { Start } from './start.ts';

export const start: Start = async (scenario) => {
  const http = await createListener(scenario);
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
  const subscribers: Duplex[] = [];
  http.on('upgrade', (request, socket, head) => {
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text === 'subscribe') {
          subscribers.push(socket);
          socket.write(frameOf('subscribed'));
        } else if (scenario.kind === 'reply') {
          const [message] = JSON.parse(text) as [{ readonly id: string }];
          socket.write(frameOf(`[{"channel":"${CHANNEL}","successful":true,"id":"${message.id}"}]`));
        } else {
          const frame = frameOf(JSON.stringify(JSON.parse(text)));
          for (const subscriber of subscribers) subscriber.write(frame);
        }
      });
    });
  });

  let parked: ServerResponse[] = [];
  let waiting: { readonly text: string; readonly publisher: ServerResponse } | undefined;
  /** With no queues, a message must wait for the last poll to be back, or somebody misses it. */
  const deliver = (): void => {
    if (!waiting || parked.length < scenario.clients) return;
    const { text, publisher } = waiting;
    const ready = parked;
    parked = [];
    waiting = undefined;
    for (const one of ready) send(one, text);
    send(publisher, '[]');
  };
  http.on('request', (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      if (body === 'connect') {
        parked.push(response);
      } else {
        waiting = { text: JSON.stringify(JSON.parse(body)), publisher: response };
      }
      deliver();
    });
  });
  return { port: await listen(http) };
};

function send(response: ServerResponse, text: string): void {
  response.writeHead(200, ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(text))]);
  response.end(text);
}

/** An unmasked text frame of less than 64 KiB. */
function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? 2 : 4;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = 0x81;
  if (header === 2) {
    frame[1] = length;
  } else {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  }
  frame.write(text, header, 'utf8');
  return frame;
}
