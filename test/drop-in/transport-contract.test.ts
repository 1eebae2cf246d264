/** Section 3.1 of the behaviour: what a transport is given, and transports that applications write themselves. */
import { expect } from 'vitest';
import type { Transport } from './support/cometd.ts';
import { type Failure, type Message, replyTo } from './support/message.ts';
import { behaviour, type Visit } from './support/visit.ts';

interface Envelope {
  url: string;
  sync: boolean;
  messages: Message[];
  onSuccess(messages: Message[]): void;
  onFailure(conduit: unknown, messages: Message[], failure: Failure): void;
}

/** A transport of the application, and the envelopes it was asked to send. */
function ownTransport(visit: Visit): { transport: Transport; envelopes: [Envelope, boolean][]; calls: unknown[][] } {
  const envelopes: [Envelope, boolean][] = [];
  const calls: unknown[][] = [];
  const transport = new visit.lib.Transport();
  transport.accept = (...args: unknown[]) => {
    calls.push(['accept', ...args]);
    return true;
  };
  transport.send = (envelope: Envelope, metaConnect: boolean) => void envelopes.push([envelope, metaConnect]);
  transport.reset = (init: boolean) => void calls.push(['reset', init]);
  transport.abort = () => void calls.push(['abort']);
  visit.use().registerTransport('own', transport);
  return { transport, envelopes, calls };
}

const agree = (envelope: Envelope | undefined, fields: Message = {}) =>
  envelope?.onSuccess(envelope.messages.map((message) => replyTo(message, fields)));

behaviour('transport contract', (behaves) => {
  behaves('a transport of the application carries a whole session', async (visit) => {
    const { transport, envelopes, calls } = ownTransport(visit);
    visit.configure().handshake();
    await visit.net.quiet();
    expect(calls[0]).toEqual(['reset', true]);
    expect(calls).toContainEqual(['accept', '1.0', false, 'http://localhost:8080/cometd']);
    const [handshake, metaConnect] = envelopes[0] as [Envelope, boolean];
    expect(metaConnect).toBe(false);
    expect(handshake).toMatchObject({ url: 'http://localhost:8080/cometd/handshake', sync: false });
    expect(handshake.messages).toMatchObject([{ channel: '/meta/handshake', supportedConnectionTypes: ['own'] }]);
    agree(handshake, { supportedConnectionTypes: ['own'] });
    await visit.net.quiet();
    expect(visit.cometd.getTransport()).toBe(transport);
    const [connect, isConnect] = envelopes[1] as [Envelope, boolean];
    expect(isConnect).toBe(true);
    expect(connect.messages).toMatchObject([{ channel: '/meta/connect', connectionType: 'own' }]);
    agree(connect);
    visit.cometd.disconnect();
    await visit.net.quiet();
    agree(envelopes.map(([envelope]) => envelope).find(({ messages }) => messages[0]?.channel === '/meta/disconnect'));
    expect(visit.cometd.getStatus()).toBe('disconnected');
  });

  behaves('what it reports as failed is told with its failure and its type', async (visit) => {
    const { envelopes } = ownTransport(visit);
    visit.configure().handshake();
    await visit.net.quiet();
    agree(envelopes[0]?.[0], { supportedConnectionTypes: ['own'] });
    await visit.net.quiet();
    const replies: Message[] = [];
    visit.cometd.publish('/a', 1, (reply: Message) => void replies.push(reply));
    await visit.net.quiet();
    const [envelope] = envelopes.at(-1) as [Envelope, boolean];
    const conduit = { name: 'wire' };
    envelope.onFailure(conduit, envelope.messages, { reason: 'cut', httpCode: 599 });
    expect(replies[0]).toMatchObject({ channel: '/a', successful: false });
    expect(replies[0]?.failure).toMatchObject({ reason: 'cut', httpCode: 599, connectionType: 'own' });
    expect(replies[0]?.failure?.transport).toBe(conduit);
  });

  behaves('only a true true of accept is yes', (visit) => {
    const { transport } = ownTransport(visit);
    transport.accept = () => 1 as unknown as boolean;
    visit.configure();
    expect(visit.cometd.getTransportRegistry().findTransportTypes('1.0', false, 'http://localhost/')).toEqual([]);
  });

  behaves('it is aborted when the client gives up', async (visit) => {
    const { envelopes, calls } = ownTransport(visit);
    visit.configure().handshake();
    await visit.net.quiet();
    agree(envelopes[0]?.[0], { successful: false, advice: { reconnect: 'none' } });
    expect(calls).toContainEqual(['abort']);
  });

  behaves('it is reset without init when a new handshake follows a lost session', async (visit) => {
    const { envelopes, calls } = ownTransport(visit);
    visit.configure().handshake();
    await visit.net.quiet();
    agree(envelopes[0]?.[0], { supportedConnectionTypes: ['own'] });
    await visit.net.quiet();
    agree(envelopes[1]?.[0], { successful: false, advice: { reconnect: 'handshake' } });
    expect(calls).toContainEqual(['reset', false]);
  });

  behaves(
    'a subclass may override what it likes',
    async (visit) => {
      const sent: unknown[] = [];
      const Base = visit.lib.LongPollingTransport as unknown as new () => { send(...args: unknown[]): void };
      class Watching extends Base {
        override send(envelope: Envelope, metaConnect: boolean): void {
          sent.push(...envelope.messages.map((message) => message.channel));
          super.send(envelope, metaConnect);
        }
      }
      visit.use().registerTransport('long-polling', new Watching());
      await visit.connected();
      expect(sent).toEqual(['/meta/handshake', '/meta/connect', '/meta/connect']);
    },
    { only: ['official 9', 'ours'] },
  );

  behaves('responses are understood as text, array or object, or as nothing', (visit) => {
    const transport = visit.cometd.findTransport('long-polling') as Transport;
    expect(transport.convertToMessages(null)).toEqual([]);
    expect(transport.convertToMessages(undefined)).toEqual([]);
    expect(transport.convertToMessages('[{"channel":"/a"}]')).toEqual([{ channel: '/a' }]);
    expect(transport.convertToMessages([{ channel: '/a' }])).toEqual([{ channel: '/a' }]);
    expect(transport.convertToMessages({ channel: '/a' })).toEqual([{ channel: '/a' }]);
    expect(() => transport.convertToMessages('[{')).toThrow(SyntaxError);
  });

  behaves("a transport lends the client's timers and is called by its type", async (visit) => {
    await visit.connected();
    const transport = visit.cometd.getTransport() as Transport & Pick<Visit['cometd'], 'setTimeout' | 'clearTimeout'>;
    const ran: string[] = [];
    transport.setTimeout(() => ran.push('one'), 10);
    transport.clearTimeout(transport.setTimeout(() => ran.push('two'), 10));
    await visit.clock.advance(10);
    expect(ran).toEqual(['one']);
    expect(`${transport}`).toBe('long-polling');
  });
});
