/**
 * A program for any runtime that knows npm: both clients spend a session over each transport, and what they saw is
 * printed. Arguments: the URL of a server, and the certificate to trust, if any.
 */
import { argv, exit } from 'node:process';
import { BayeuxClient, CometD, type Message } from '@cometd-ts/client/node';

const [url = '', ca] = argv.slice(2);
const node = { proxy: false as const, ...(ca ? { tls: { ca } } : {}) };
const text = 'ä€😀';
const said: Record<string, unknown> = {};

for (const via of ['websocket', 'long-polling'] as const) {
  said[`BayeuxClient ${via}`] = await typed(via);
  said[`CometD ${via}`] = await classic(via);
}
if (ca) {
  const stranger = new BayeuxClient(url, { logLevel: 'error', node: { proxy: false } });
  said.untrusted = await new Promise((resolve) => {
    stranger.addListener('status', (status) => {
      if (status.type === 'connected' || status.type === 'unconnected') resolve(status.type);
    });
    stranger.handshake().catch(() => undefined);
  });
  stranger.abort();
}
console.log(JSON.stringify(said));
exit(0);

async function typed(via: 'websocket' | 'long-polling'): Promise<unknown> {
  const client = new BayeuxClient(url, { transports: [via], logLevel: 'error', node });
  await client.handshake();
  await client.waitFor('connected');
  const room = client.getChannel('/room');
  const messages = room.messages();
  const first = messages.next();
  const echoed = await client.remoteCall('echo', text);
  const published = await room.publish(text);
  const { value } = await first;
  await messages.return();
  const { transport } = client;
  await client.disconnect();
  return { transport, published: published.successful, heard: value?.data, echoed, ended: client.status.type };
}

async function classic(via: string): Promise<unknown> {
  const cometd = new CometD('visitor', node);
  for (const type of cometd.getTransportTypes()) if (type !== via) cometd.unregisterTransport(type);
  cometd.configure({ url, logLevel: 'error' });
  const answer = (act: (done: (reply: Message) => void) => void): Promise<Message> => new Promise(act);
  await answer((done) => cometd.handshake(done));
  const transport = cometd.getTransport()?.type;
  let hear: (message: Message) => void = () => undefined;
  const heard = new Promise<Message>((resolve) => {
    hear = resolve;
  });
  await answer((done) => cometd.subscribe('/room', hear, done));
  const published = await answer((done) => cometd.publish('/room', text, done));
  const { data } = await heard;
  const echoed = (await answer((done) => cometd.remoteCall('echo', text, done))).data;
  await answer((done) => cometd.disconnect(done));
  return { transport, published: published.successful, heard: data, echoed, ended: cometd.getStatus() };
}
