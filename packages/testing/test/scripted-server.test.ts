import assert from 'node:assert/strict';
import { BayeuxClient } from '@cometd-ts/client/node';
import { FakeClock, happened, received, ScriptedServer, until } from '@cometd-ts/testing';
import { describe, expect, it } from 'vitest';

const transports = ['websocket', 'long-polling'] as const;
const quick = { backoffIncrement: 10, maxNetworkDelay: 300, jitter: 0 };

describe.each(transports)('a scripted server over %s', (transport) => {
  const options = { ...quick, transports: [transport] };

  it('plays its script from the handshake to the last event', async () => {
    await using script = new ScriptedServer();
    const client = script.line.client(options);
    script
      .expect('/meta/handshake', { supportedConnectionTypes: [transport] })
      .reply({ clientId: 'abc' })
      .expect('/meta/connect', { clientId: 'abc', advice: { timeout: 0 } })
      .reply()
      .whenever('/meta/connect')
      .hold()
      .expect('/meta/subscribe', { subscription: '/news' })
      .reply()
      .deliver('/news', { headline: 'It works' });
    await client.handshake();
    await client.waitFor('connected');
    await using inbox = await received(client, '/news');
    expect((await inbox.next()).data).toEqual({ headline: 'It works' });
    await script.played();
    script.deliver('/news', 'one more').expect('/meta/unsubscribe').reply();
    expect((await inbox.next()).data).toBe('one more');
    await inbox.close();
    await script.played();
    expect(script.received.map(({ channel }) => channel).slice(0, 2)).toEqual(['/meta/handshake', '/meta/connect']);
  });

  it('sends a client to a new handshake, as a server does that was restarted', async () => {
    await using script = new ScriptedServer();
    const client = script.line.client(options);
    script
      .expect('/meta/handshake')
      .reply()
      .expect('/meta/connect')
      .reply()
      .expect('/meta/connect')
      .refuse('402::session_unknown', { advice: { reconnect: 'handshake', interval: 0 } })
      .expect('/meta/handshake')
      .reply()
      .expect('/meta/connect')
      .reply();
    const lost = happened(client, 'status', ({ type }) => type === 'session-lost');
    await client.handshake();
    await lost;
    await script.played();
    expect(client.id).toBe('scripted-2');
  });

  it('breaks the connection before it answers, and after', async () => {
    await using script = new ScriptedServer();
    const client = script.line.client(options);
    script
      .expect('/meta/handshake')
      .cut()
      .expect('/meta/handshake')
      .reply()
      .expect('/meta/connect')
      .reply()
      .expect('/meta/connect')
      .hold()
      .cut()
      .expect('/meta/connect')
      .reply({ advice: { timeout: 5_000 } });
    await client.handshake();
    await script.played();
  });

  it('stays silent until the client has had enough', async () => {
    using clock = new FakeClock();
    await using script = new ScriptedServer();
    const client = script.line.client({ ...options, maxNetworkDelay: 10_000 });
    script.expect('/meta/handshake').silence().expect('/meta/handshake').reply();
    const begin = clock.elapsed;
    await clock.until(client.handshake());
    expect(clock.elapsed - begin).toBeGreaterThanOrEqual(10_000);
    await script.played();
  });

  it('releases what it holds', async () => {
    await using script = new ScriptedServer();
    const client = script.line.client(options);
    script
      .expect('/meta/handshake')
      .reply()
      .expect('/meta/connect')
      .reply()
      .expect('/meta/connect')
      .hold()
      .release({ advice: { reconnect: 'none' } });
    await client.handshake();
    await client.waitFor('disconnected');
    await script.played();
  });

  it('fails readably when something else comes, and tells the client not to come back', async () => {
    await using script = new ScriptedServer();
    const client = script.line.client(options);
    script.expect('/meta/handshake').reply().expect('/meta/subscribe', { subscription: '/news' }).reply();
    await client.handshake();
    await expect(script.played()).rejects.toThrow(
      /^Step 2 of 2: expected \/meta\/subscribe \{"subscription":"\/news"\}, got \/meta\/connect \{.*\nAll that came:\n {2}\/meta\/handshake/s,
    );
    await client.waitFor('disconnected');
  });
});

describe('a scripted server', () => {
  it('answers with a status where there is one', async () => {
    await using script = new ScriptedServer({ transports: ['long-polling'] });
    const client = script.line.client(quick);
    script.expect('/meta/handshake').status(503).expect('/meta/handshake').reply();
    const trouble = happened(client, 'failure', (error) => error.message.includes('503'));
    await client.handshake();
    await trouble;
    await script.played();
    expect(client.transport).toBe('long-polling');
  });

  it('lets functions look at messages, and quotes what they say', async () => {
    await using script = new ScriptedServer();
    const client = script.line.client(quick);
    script
      .expect('/meta/handshake', ({ ext }) => {
        assert.equal(ext?.token, 'secret');
        return true;
      })
      .reply();
    await expect(client.handshake({ ext: { token: 'guess' } })).rejects.toThrow();
    await expect(script.played()).rejects.toThrow(/^Step 1 of 1: expected .*, got .*: AssertionError.*'guess'/s);
  });

  it('says what is missing when it was not played to its end', async () => {
    const script = new ScriptedServer();
    const client = script.line.client(quick);
    script
      .expect('/meta/handshake')
      .reply()
      .whenever('/meta/connect')
      .hold()
      .expect('/chat', { data: 'hello' })
      .reply();
    await client.handshake();
    expect(() => script.verify()).toThrow(/Step 2 of 2: expected \/chat \{"data":"hello"\}, and nothing came/);
    await expect(script.played({ within: 5 })).rejects.toThrow(/Step 2 of 2/);
    script.close();
    const other = new ScriptedServer();
    other.expect('/meta/handshake').reply();
    await expect(other[Symbol.asyncDispose]()).rejects.toThrow('Step 1 of 1: expected /meta/handshake');
  });

  it('objects to what comes after its end, but for connects and a disconnect', async () => {
    await using script = new ScriptedServer();
    const client = script.line.client(quick);
    script.expect('/meta/handshake').reply();
    await client.handshake();
    await client.disconnect();
    await script.played();
    const other = script.line.client(quick);
    await expect(other.handshake()).rejects.toThrow();
    expect(() => script.verify()).toThrow('The script has ended: expected nothing more, got /meta/handshake');
  });

  it('listens on a real port, too', async () => {
    await using script = new ScriptedServer();
    script
      .expect('/meta/handshake')
      .reply()
      .expect('/meta/connect')
      .reply({ advice: { interval: 60_000 } });
    const client = new BayeuxClient(await script.listen(), quick);
    await client.handshake();
    await until(() => client.isConnected, client, 'status');
    await script.played();
    client.abort();
  });
});
