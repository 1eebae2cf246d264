/** Section 3.2 of the behaviour: where requests go. */
import { expect } from 'vitest';
import { behaviour, type Visit } from './support/visit.ts';

async function round(visit: Visit, config: Record<string, unknown>): Promise<(string | undefined)[]> {
  await visit.connected(config);
  visit.cometd.publish('/a', 1);
  await (await visit.net.take('/a')).reply();
  visit.cometd.subscribe('/a', () => undefined);
  await (await visit.net.take('/meta/subscribe')).reply();
  visit.cometd.disconnect();
  await (await visit.net.take('/meta/disconnect')).reply();
  const urlOf = (channel: string) => visit.net.requests.find(({ channels }) => channels.includes(channel))?.url;
  return ['/meta/handshake', '/meta/connect', '/a', '/meta/subscribe', '/meta/disconnect'].map(urlOf);
}

behaviour('URLs', (behaves) => {
  for (const url of ['http://localhost:8080/cometd', 'http://localhost:8080/cometd/']) {
    behaves(
      `handshake, connect and disconnect are appended to ${url}, other messages go to the folder`,
      async (visit) => {
        const base = 'http://localhost:8080/cometd/';
        expect(await round(visit, { url })).toEqual([
          `${base}handshake`,
          `${base}connect`,
          base,
          base,
          `${base}disconnect`,
        ]);
      },
    );
  }

  for (const url of [
    'http://localhost/cometd?x=1',
    'http://localhost/cometd#x',
    'http://localhost/cometd/60.0',
    'http://localhost/cometd/60.0/',
    'http://localhost/x.cometd',
  ]) {
    behaves(`nothing is appended to ${url}`, async (visit) => {
      expect(await round(visit, { url })).toEqual([url, url, url, url, url]);
      expect(visit.cometd.getConfiguration().appendMessageTypeToURL).toBe(false);
      expect(
        visit.net.log.some((entry) => entry[0] === 'info' && entry.join(' ').includes('appendMessageTypeToURL')),
      ).toBe(true);
    });
  }

  behaves('a dot in the host or in an earlier segment does not matter', async (visit) => {
    const [handshake] = await round(visit, { url: 'http://a.example.com/v1.0/cometd' });
    expect(handshake).toBe('http://a.example.com/v1.0/cometd/handshake');
  });

  behaves('nothing is appended when the configuration says so', async (visit) => {
    const url = 'http://localhost/cometd';
    expect(await round(visit, { url, appendMessageTypeToURL: false })).toEqual([url, url, url, url, url]);
  });

  behaves('a batch goes to the folder, whatever is in it', async (visit) => {
    await visit.connected();
    visit.cometd.batch(() => {
      visit.cometd.subscribe('/a', () => undefined);
      visit.cometd.publish('/a', 1);
    });
    const request = await visit.net.take('/a');
    expect(request.url).toBe('http://localhost:8080/cometd/');
    expect(request.channels).toEqual(['/meta/subscribe', '/a']);
  });

  behaves('a transport may have a URL of its own', async (visit) => {
    const urls = { 'long-polling': 'http://poll.example.com/bayeux' };
    visit.configure({ urls });
    expect(visit.cometd.getURL()).toBe('http://localhost:8080/cometd');
    visit.cometd.handshake();
    await (await visit.net.take('/meta/handshake')).reply();
    expect((await visit.net.take('/meta/connect')).url).toBe('http://poll.example.com/bayeux/connect');
    expect(visit.cometd.getURL()).toBe('http://poll.example.com/bayeux');
  });

  behaves("the transport's own url goes before everything", async (visit) => {
    await visit.connected({ urls: { 'long-polling': 'http://poll.example.com/bayeux' } });
    const transport = visit.cometd.getTransport();
    if (typeof transport?.setURL === 'function') transport.setURL('http://own.example.com/x');
    else Object.assign(transport as object, { url: 'http://own.example.com/x' });
    expect(visit.cometd.getURL()).toBe('http://own.example.com/x');
    visit.cometd.publish('/a', 1);
    expect((await visit.net.take('/a')).url).toBe('http://own.example.com/x/');
  });

  behaves(
    'both ways to a transport work: properties and functions',
    async (visit) => {
      await visit.connected();
      const transport = visit.cometd.getTransport() as unknown as Record<string, () => unknown> & {
        url: string;
        type: string;
      };
      expect([transport.type, transport.getType?.(), `${transport}`]).toEqual([
        'long-polling',
        'long-polling',
        'long-polling',
      ]);
      transport.url = 'http://own.example.com/x';
      expect(transport.getURL?.()).toBe('http://own.example.com/x');
      (transport.setURL as unknown as (url: string) => void)('http://own.example.com/y');
      expect(transport.url).toBe('http://own.example.com/y');
    },
    { only: 'ours' },
  );
});
