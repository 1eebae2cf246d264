/** What an application sees of its cluster, whatever engine carries it. */
import { Oort } from '@cometd-ts/oort';
import { BayeuxServer, type ServerMessage, type ServerOptions } from '@cometd-ts/server';
import { MemoryCloud } from '@cometd-ts/testkit';
import { describe, expect, it } from 'vitest';
import type { Cloud, House } from './clouds.ts';

async function hear(house: House, channel: string): Promise<ServerMessage[]> {
  const session = house.server.newLocalSession('ear');
  await session.handshake();
  const heard: ServerMessage[] = [];
  await session.getChannel(channel).subscribe((_channel, message) => heard.push(message));
  return heard;
}

/** @param lay makes the cloud for one test */
export function oortSuite(lay: () => Cloud): void {
  describe('a channel that is observed', () => {
    it('carries what is published on one node to the subscribers of the others, once, whole, and not back', async () => {
      const cloud = lay();
      const a = await cloud.node({ channels: ['/chat/**', '/chat/*', '/chat/room'] });
      const b = await cloud.node({ channels: ['/chat/**', '/chat/*', '/chat/room'] });
      const [atA, atB] = [await hear(a, '/chat/room'), await hear(b, '/chat/room')];
      await cloud.settled();
      a.server.createChannelIfAbsent('/chat/room').channel.publishMessage(null, {
        channel: '/chat/room',
        data: { text: 'hi' },
        ext: { trace: 1 },
        own: true,
      });
      await cloud.settled();
      expect(atB).toMatchObject([{ channel: '/chat/room', data: { text: 'hi' }, ext: { trace: 1 }, own: true }]);
      expect(atB[0]).not.toHaveProperty('clientId');
      expect(atA).toHaveLength(1);
    });

    it('is observed by each node for itself', async () => {
      const cloud = lay();
      const a = await cloud.node({ channels: ['/a'] });
      const b = await cloud.node();
      const [atA, atB] = [await hear(a, '/a'), await hear(b, '/a')];
      await cloud.settled();
      for (const house of [a, b]) house.server.getChannel('/a')?.publish(null, house.url);
      await cloud.settled();
      expect(atA.map(({ data }) => data)).toEqual([a.url, b.url]);
      expect(atB.map(({ data }) => data)).toEqual([b.url]);
    });

    it('is heard until it is deobserved as often as it was observed', async () => {
      const cloud = lay();
      const [a, b] = [await cloud.node(), await cloud.node({ channels: ['/a'] })];
      b.oort.observeChannel('/a');
      const heard = await hear(b, '/a');
      a.server.createChannelIfAbsent('/a');
      for (const expected of [1, 2]) {
        await cloud.settled();
        expect(b.oort.deobserveChannel('/a')).toBe(true);
        a.server.getChannel('/a')?.publish(null, expected);
      }
      await cloud.settled();
      expect(heard.map(({ data }) => data)).toEqual([1]);
      expect(b.oort.deobserveChannel('/a')).toBe(false);
    });

    it.each(['/meta/connect', '/service/a', '/meta/**'])('is a broadcast channel: %s is refused', async (channel) => {
      const { oort } = await lay().node();
      expect(() => oort.observeChannel(channel)).toThrow(TypeError);
    });

    it('asks the security policy for the local session oort, and says on refusal what to grant', async () => {
      const lines: string[] = [];
      const quiet = { debug: () => undefined, info: () => undefined, error: () => undefined };
      const logger: ServerOptions['logger'] = { ...quiet, warn: (line) => lines.push(line) };
      const cloud = lay();
      const a = await cloud.node();
      const b = await cloud.node({ channels: ['/a'], server: { logger, logLevel: 'warn' } });
      const heard = await hear(b, '/a');
      b.server.securityPolicy = { canPublish: (_server, session) => !b.oort.isOort(session) };
      await cloud.settled();
      a.server.createChannelIfAbsent('/a').channel.publish(null, 1);
      await cloud.settled();
      expect(heard).toEqual([]);
      expect(lines.join()).toContain('grant the local session oort');
    });
  });

  describe('a node', () => {
    it('hears who joins and who leaves, and may publish to a node as it joins', async () => {
      const cloud = lay();
      const log: string[] = [];
      const a = await cloud.node({}, (oort) => {
        oort.addListener('cometJoined', ({ url }) => {
          log.push(`joined ${url}`);
          oort.server.createChannelIfAbsent('/hello').channel.publish(null, 'welcome');
        });
        oort.addListener('cometLeft', ({ url }) => log.push(`left ${url}`));
      });
      const b = await cloud.node({ channels: ['/hello'] });
      const heard = await hear(b, '/hello');
      await cloud.settled();
      expect(a.oort.members).toEqual([{ id: b.oort.id, url: b.url }]);
      expect(a.oort.isCometConnected(b.url)).toBe(true);
      expect(heard.map(({ data }) => data)).toEqual(['welcome']);
      await b.oort.stop();
      await cloud.settled();
      expect(log).toEqual([`joined ${b.url}`, `left ${b.url}`]);
      expect(a.oort.isCometConnected(b.url)).toBe(false);
    });

    it('sends to one node, where the message is heard as if published there', async () => {
      const cloud = lay();
      const [a, b, c] = [await cloud.node(), await cloud.node(), await cloud.node()];
      const heard: unknown[] = [];
      for (const house of [b, c])
        house.server
          .createChannelIfAbsent('/service/work')
          .channel.addListener('message', (_from, _channel, { data }) => {
            heard.push([house.url, data]);
          });
      await cloud.settled();
      expect(a.oort.send(b.url, { channel: '/service/work', data: 1 })).toBe(true);
      expect(a.oort.send('http://nobody.test/cometd', { channel: '/service/work', data: 2 })).toBe(false);
      await cloud.settled();
      expect(heard).toEqual([[b.url, 1]]);
    });

    it('tells what another node observes, and what is delivered then reaches that node alone', async () => {
      const cloud = lay();
      await cloud.node({}, (oort) => {
        oort.addListener('observed', (channel, member, deliver) => {
          if (channel === '/state') deliver({ channel, data: `for ${member.url}` });
        });
      });
      const [b, c] = [await cloud.node(), await cloud.node()];
      const [atB, atC] = [await hear(b, '/state'), await hear(c, '/state')];
      b.oort.observeChannel('/state');
      await cloud.settled();
      expect(atB.map(({ data }) => data)).toEqual([`for ${b.url}`]);
      expect(atC).toEqual([]);
    });

    it.each(['/cometd', 'node1/cometd', 'ftp://node1/cometd', ''])('refuses the URL %j', (url) => {
      const server = new BayeuxServer();
      expect(() => new Oort(server, { url, engine: new MemoryCloud().engine() })).toThrow(TypeError);
    });

    it('says that this engine finds nodes by itself when asked to observe one', async () => {
      const { oort } = await lay().node();
      expect(() => oort.observeComet('http://node9.test/cometd')).toThrow(
        `The engine '${oort.engine.name}' finds other nodes by itself`,
      );
    });

    it('knows its own session also when it has stopped', async () => {
      const { oort } = await lay().node();
      const { serverSession } = oort.session;
      await oort.stop();
      expect(oort.isOort(serverSession)).toBe(true);
    });

    it('rejects its start when the policy keeps its local session out, naming it', async () => {
      const server = new BayeuxServer();
      server.securityPolicy = { canHandshake: () => false };
      const oort = new Oort(server, { url: 'http://node1.test/cometd', engine: new MemoryCloud().engine() });
      await expect(oort.start()).rejects.toThrow("refused the local session 'oort'");
    });
  });
}
