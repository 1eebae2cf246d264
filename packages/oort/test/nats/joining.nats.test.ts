/** How a node gets in, and whom it finds there: credentials, TLS, namespaces, twins, permissions, and errors that say what to do. */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { NatsOptions } from '@cometd-ts/oort/nats';
import { natsEngine } from '@cometd-ts/oort/nats';
import { certificate } from '@cometd-ts/testkit';
import { type NatsServer, natsPrograms, startNats } from '@cometd-ts/testkit/nats';
import { nkeys } from '@nats-io/transport-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { credentialsFor } from './credentials.ts';
import { eventually, listen, node, nodes, together } from './nodes.ts';

for (const program of natsPrograms()) {
  if ('reason' in program) continue;

  const start = async (config: string, files: Record<string, string> = {}): Promise<NatsServer> => {
    const nats = await startNats({ kind: program.kind, jetStream: false, config, files });
    onTestFinished(() => nats.close());
    return nats;
  };

  /** Two nodes with these options speak to each other; one with the others is not let in. */
  async function admits(nats: NatsServer, right: Partial<NatsOptions>, wrong: Partial<NatsOptions>): Promise<void> {
    const options = { nats: right, channels: ['/x'] };
    const [a, b] = await nodes(nats.port, options, options);
    const heard = listen(b!, '/x');
    await a!.client.send({ channel: '/x', data: 1 });
    await eventually(() => expect(heard).toEqual([1]));
    for (const no of [wrong, {}])
      await expect(node(nats.port, { nats: no })).rejects.toMatchObject({ name: 'NatsError', code: 'denied' });
  }

  describe(`joining, on nats-server ${program.version}`, () => {
    it('joins when it may, and until then the others are nobody to it, and it is nobody to them', async () => {
      const nats = await start('');
      let open = (): void => undefined;
      const joinAfter = new Promise<void>((resolve) => {
        open = resolve;
      });
      const a = await node(nats.port, { channels: ['/x/*'] });
      const b = await node(nats.port, { nats: { joinAfter } });
      const c = await node(nats.port, {});
      await eventually(() => expect(c.server.getChannel('/x/*')).toBeDefined());
      await eventually(() => expect(a.life).toEqual([`joined ${c.url}`]));
      expect(b.life).toEqual([]);
      expect(b.server.getChannel('/x/*')).toBeUndefined();
      open();
      await eventually(() => expect(b.life).toHaveLength(2));
      await eventually(() => expect(a.life).toEqual([`joined ${c.url}`, `joined ${b.url}`]));
      expect(b.server.getChannel('/x/*')).toBeDefined();
    });

    it('is let in by user and password', async () => {
      const nats = await start('authorization { user: ann, password: right }');
      await admits(nats, { user: 'ann', password: 'right' }, { user: 'ann', password: 'wrong' });
    });

    it('is let in by a token', async () => {
      await admits(await start('authorization { token: t0ken }'), { token: 't0ken' }, { token: 'wrong' });
    });

    it('is let in by an nkey', async () => {
      const [ours, theirs] = [nkeys.createUser(), nkeys.createUser()];
      const seed = (key: typeof ours) => new TextDecoder().decode(key.getSeed());
      const nats = await start(`authorization { users: [{ nkey: ${ours.getPublicKey()} }] }`);
      await admits(nats, { nkey: seed(ours) }, { nkey: seed(theirs) });
    });

    it('is let in by a file of credentials, read anew for each connection', async () => {
      const { config, ours, theirs } = credentialsFor();
      const nats = await start(config, { 'ours.creds': ours, 'theirs.creds': theirs });
      await admits(nats, { credentials: nats.file('ours.creds') }, { credentials: nats.file('theirs.creds') });
      await expect(node(nats.port, { nats: { credentials: nats.file('none.creds') } })).rejects.toThrow('none.creds');
    });

    it('speaks TLS, and not with a server whose certificate it does not trust', async () => {
      const { private: key, cert } = await certificate();
      const nats = await start('tls { cert_file: "cert.pem", key_file: "key.pem" }', {
        'cert.pem': cert,
        'key.pem': key,
      });
      const options = { nats: { tls: { caFile: nats.file('cert.pem') } } };
      await nodes(nats.port, options, options);
      await expect(node(nats.port, { nats: { tls: {}, connectTimeout: 500 } })).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(/certificate/),
      });
    });

    it('is told when it needs JetStream, and that is off', async () => {
      const nats = await start('');
      const missing = { name: 'NatsError', code: 'noJetStream', message: expect.stringContaining('jetstream') };
      await expect(node(nats.port, { nats: { jetStream: true } })).rejects.toMatchObject(missing);
      expect((await node(nats.port)).engine.buckets).toBeUndefined();
    });

    it('takes whatever else the client of NATS takes', async () => {
      const nats = await start('authorization { user: ann, password: right }');
      const options = { nats: { connection: { user: 'ann', pass: 'right', name: 'by another name' } } };
      await node(nats.port, options);
      const { connections } = await nats.monitor<{ connections: { name: string }[] }>('connz');
      expect(connections.map(({ name }) => name)).toEqual(['by another name']);
    });

    it('comes back when its credentials are refused for a while', async () => {
      const nats = await start('include "users.conf"', { 'users.conf': 'authorization { user: ann, password: one }' });
      const connection = { user: 'ann', pass: 'one' };
      const [a, b] = await nodes(nats.port, { nats: { connection } }, { nats: { connection } });
      await nats.kill();
      await writeFile(nats.file('users.conf'), 'authorization { user: ann, password: two }');
      await nats.start();
      await eventually(() => expect(a!.server.diagnostics.counters.get('nats.error')).toBeGreaterThan(2));
      expect(a!.oort.status).toMatchObject({ state: 'down' });
      await nats.kill();
      await writeFile(nats.file('users.conf'), 'authorization { user: ann, password: one }');
      await nats.start();
      await eventually(() => expect(a!.oort.status.state).toBe('up'));
      await together(a!, b!);
    });

    it('does not see the nodes of another namespace on the same server', async () => {
      const nats = await start('');
      const channels = ['/**'];
      const [a, b] = await nodes(
        nats.port,
        { nats: { namespace: 'one' }, channels },
        { nats: { namespace: 'one' }, channels },
      );
      const [c, d] = await nodes(
        nats.port,
        { nats: { namespace: 'two' }, channels },
        { nats: { namespace: 'two' }, channels },
      );
      const heard = [a, b, c, d].map((house) => listen(house!, '/x'));
      await a!.client.send({ channel: '/x', data: 'of one' });
      await c!.client.send({ channel: '/x', data: 'of two' });
      await eventually(() => expect(heard).toEqual([['of one'], ['of one'], ['of two'], ['of two']]));
      expect(a!.life).toEqual([`joined ${b!.url}`]);
      expect(d!.life).toEqual([`joined ${c!.url}`]);
    });

    it('tells of two nodes with one URL, on both and on all others', async () => {
      const nats = await start('');
      const [a] = await nodes(nats.port, {});
      const url = 'http://twin.test/cometd';
      const one = await node(nats.port, { url });
      await together(a!, one);
      const other = await node(nats.port, { url });
      await eventually(() => {
        expect(a!.life).toEqual([`joined ${url}`, `left ${url}`, `joined ${url}`]);
        for (const { oort, server, log } of [a!, one, other]) {
          expect(oort.status).toEqual({ state: 'degraded', reason: `two nodes run with the URL ${url}` });
          expect(server.diagnostics.counters.get('oort_twins')).toBe(1);
          expect(log.join('\n')).toContain(url);
        }
      });
      await one.oort.stop();
      await eventually(() => {
        for (const { oort } of [a!, other]) expect(oort.status).toEqual({ state: 'up', reason: '' });
      });
    });

    it('says which permission is missing, once, and is degraded', async () => {
      const nats = await start(
        'authorization { users: [{ user: ann, password: p, permissions: { publish: { allow: ["cloud.>", "_INBOX.>"] }, subscribe: { allow: ["cloud.>", "_INBOX.>"], deny: ["cloud.ch.secret.>"] } } }] }',
      );
      const login = { user: 'ann', password: 'p', namespace: 'cloud' };
      const [a, b] = await nodes(nats.port, { nats: login }, { nats: login, channels: ['/open/*', '/secret/**'] });
      await eventually(() =>
        expect(b!.oort.status).toEqual({
          state: 'degraded',
          reason: 'NATS does not allow this node to subscribe to cloud.ch.secret.>',
        }),
      );
      expect(b!.server.diagnostics.counters.get('nats.denied')).toBe(1);
      expect(b!.log.filter((line) => line.includes('cloud.ch.secret.>'))).toHaveLength(1);
      const heard = listen(b!, '/open/1');
      await a!.client.send({ channel: '/open/1', data: 1 });
      await eventually(() => expect(heard).toEqual([1]));
      await expect(node(nats.port, { nats: { ...login, namespace: 'other' } })).rejects.toMatchObject({
        code: 'denied',
        message: expect.stringContaining('other.'),
      });
    });
  });
}

describe('an engine', () => {
  it('rejects within its time when there is no NATS, and can be stopped all the same', async () => {
    const begun = performance.now();
    await expect(node(1, { nats: { servers: 'nats://127.0.0.1:1', connectTimeout: 300 } })).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('nats://127.0.0.1:1'),
    });
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  it('rejects within its time when something else answers, or nothing', async () => {
    for (const greeting of ['HTTP/1.1 400 Bad Request\r\n\r\n', '']) {
      const stranger = createServer((socket) => {
        socket.on('error', () => undefined);
        if (greeting) socket.end(greeting);
      });
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
      const { port } = stranger.address() as { port: number };
      await expect(node(port, { nats: { connectTimeout: 500 } }), greeting).rejects.toMatchObject({
        code: 'unreachable',
      });
      stranger.close();
    }
  });

  it('tells passwords to nobody', async () => {
    const servers = 'nats://ann:s3cr3t@127.0.0.1:1';
    const error = await node(1, { nats: { servers, connectTimeout: 10 } }).catch((reason: Error) => reason);
    expect(String(error)).not.toContain('s3cr3t');
  });

  it('is made with options that make sense', () => {
    expect(() => natsEngine({ servers: [] })).toThrow(TypeError);
    expect(() => natsEngine({} as NatsOptions)).toThrow(TypeError);
    const servers = 'nats://127.0.0.1:4222';
    for (const wrong of [
      { namespace: 'a.b' },
      { heartbeat: 0 },
      { leaveAfter: 1000, heartbeat: 1000 },
      { maxQueue: 0 },
      { maxQueueBytes: -1 },
      { linger: -1 },
      { connectTimeout: 0.5 },
      { interest: ['x'] },
    ])
      expect(() => natsEngine({ servers, ...wrong }), JSON.stringify(wrong)).toThrow(RangeError);
    expect(natsEngine({ servers, leaveAfter: 2000 }).status).toEqual({ state: 'down', reason: 'not started' });
  });
});
