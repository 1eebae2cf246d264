/** Between a user and the server: payloads out, payloads in, by WebSocket or by HTTP. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { WebSocket } from 'ws';
import type { Plan } from './plan.ts';

export interface LineEvents {
  payload(bytes: Buffer): void;
  lost(reason: string): void;
}

export interface Line {
  /** Sends a payload, which is JSON. */
  send(payload: string): void;
  close(): void;
}

/** Makes lines of one kind; what they share, such as kept connections, ends with `close`. */
export interface Lines {
  open(events: LineEvents): Promise<Line>;
  close(): void;
}

export function linesOf(plan: Plan): Lines {
  return plan.transport === 'websocket' ? webSockets(plan) : polls(plan);
}

function webSockets({ url, insecure }: Plan): Lines {
  const place = url.replace(/^http/, 'ws');
  const open = ({ payload, lost }: LineEvents): Promise<Line> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(place, { perMessageDeflate: false, rejectUnauthorized: !insecure });
      socket.on('open', () => {
        resolve({ send: (text) => socket.send(text), close: () => socket.close() });
      });
      socket.on('message', (data) => payload(data as Buffer));
      socket.on('error', (error) => {
        reject(error);
        lost(error.message);
      });
      socket.on('close', (code) => lost(`The WebSocket was closed with ${code}`));
    });
  return { open, close: () => undefined };
}

/** Each payload is a request of its own; connections are kept, and cookies as far as one server gives them. */
function polls({ url, insecure }: Plan): Lines {
  const isSecure = url.startsWith('https:');
  const kept = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 100_000 };
  const agent = isSecure ? new HttpsAgent({ ...kept, rejectUnauthorized: !insecure }) : new HttpAgent(kept);
  const request = isSecure ? httpsRequest : httpRequest;
  const open = async ({ payload, lost }: LineEvents): Promise<Line> => {
    const cookies = new Map<string, string>();
    let isClosed = false;
    const fail = (error: Error): void => {
      if (!isClosed) lost(error.message);
    };
    const answered = (response: IncomingMessage): void => {
      for (const cookie of response.headers['set-cookie'] ?? []) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
        cookies.set(name, value);
      }
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', fail);
      response.on('end', () => {
        if (response.statusCode === 200) payload(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
        else fail(new Error(`The server answered ${response.statusCode}`));
      });
    };
    const send = (text: string): void => {
      const headers = {
        'Content-Type': 'application/json;charset=UTF-8',
        'Content-Length': Buffer.byteLength(text),
        ...(cookies.size > 0 && { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') }),
      };
      request(url, { method: 'POST', agent, headers }, answered).on('error', fail).end(text);
    };
    return {
      send,
      close: () => {
        isClosed = true;
      },
    };
  };
  return { open, close: () => agent.destroy() };
}
