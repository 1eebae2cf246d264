/** Remote calls of a service, made by our clients. */
import { BayeuxClient, BinaryExtension, CometD } from '@cometd-ts/client/node';
import { describe, onTestFinished } from 'vitest';
import { type Answer, type Asker, itAnswers, type Via, vias } from './services-house.ts';

async function connectTyped(url: string, via: Via): Promise<Asker> {
  const client = new BayeuxClient(url, { transports: [via], extensions: [new BinaryExtension()], logLevel: 'error' });
  onTestFinished(() => client.abort());
  await client.handshake();
  await client.waitFor('connected');
  const answer = (call: Promise<unknown>): Promise<Answer> =>
    call.then(
      (data) => ({ successful: true, data }),
      (error: Error & { code?: string }) => {
        if (error.cause !== undefined) return { successful: false, data: error.cause };
        const { code, message } = error;
        if (code === 'message_deleted') return { successful: false, error: '404::message_deleted' };
        return { successful: false, error: code === 'timeout' ? '406::timeout' : message };
      },
    );
  return {
    ask: (target, data, timeout = 5000) => answer(client.remoteCall(target, data, { timeout })),
    askBytes: (target, data, meta) =>
      answer(client.remoteCall(target, { data, last: true, meta }, { ext: { binary: {} } })),
  };
}

async function connectClassic(url: string, via: Via): Promise<Asker> {
  const cometd = new CometD('desk');
  for (const other of vias) if (other !== via) cometd.unregisterTransport(other);
  cometd.registerExtension('binary', new BinaryExtension());
  cometd.configure({ url, logLevel: 'error' });
  await new Promise((resolve) => cometd.handshake(resolve));
  onTestFinished(() => new Promise<void>((resolve) => cometd.disconnect(() => resolve())));
  const answer = ({ successful, data, error }: Partial<Answer>): Answer => ({
    successful: successful === true,
    ...(data !== undefined && { data }),
    ...(data === undefined && { error }),
  });
  return {
    ask: (target, data, timeout = 5000) =>
      new Promise((resolve) => cometd.remoteCall(target, data, timeout, (reply) => resolve(answer(reply)))),
    askBytes: (target, data, meta) =>
      new Promise((resolve) => cometd.remoteCallBinary(target, data, true, meta, (reply) => resolve(answer(reply)))),
  };
}

describe.each(vias)('over %s, a service', (via) => {
  describe('called by BayeuxClient', () => itAnswers((url) => connectTyped(url, via)));
  describe('called by CometD', () => itAnswers((url) => connectClassic(url, via)));
});
