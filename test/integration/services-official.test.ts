/** Remote calls of a service, made by the official client, unmodified. Its helper for Node.js stays within this file. */
import { BinaryExtension, CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { beforeAll, describe, onTestFinished } from 'vitest';
import { type Answer, type Asker, itAnswers, type Via, vias } from './services-house.ts';

type Reply = { successful?: boolean; data?: unknown; error?: string };

async function connect(url: string, via: Via): Promise<Asker> {
  const cometd = new CometD();
  for (const other of ['websocket', 'long-polling', 'callback-polling']) {
    if (other !== via) cometd.unregisterTransport(other);
  }
  cometd.registerExtension('binary', new BinaryExtension());
  cometd.configure({ url });
  await new Promise((resolve) => cometd.handshake(resolve));
  onTestFinished(() => new Promise<void>((resolve) => cometd.disconnect(() => resolve())));
  const answer = ({ successful, data, error }: Reply): Answer => ({
    successful: successful === true,
    ...(data !== undefined && { data }),
    ...(data === undefined && { error }),
  });
  return {
    ask: (target, data, timeout = 5000) =>
      new Promise((resolve) =>
        cometd.remoteCall(target, data as object, timeout, (reply: Reply) => resolve(answer(reply))),
      ),
    askBytes: (target, data, meta) =>
      new Promise((resolve) =>
        cometd.remoteCallBinary(target, data, true, meta, (reply: Reply) => resolve(answer(reply))),
      ),
  };
}

describe.each(vias)('over %s, a service called by the official client', (via) => {
  beforeAll(() => adapt());
  itAnswers((url) => connect(url, via));
});
