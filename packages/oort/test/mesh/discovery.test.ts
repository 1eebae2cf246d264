/** How nodes are found: lists, functions, DNS, and calls on the local network. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import {
  type Discovery,
  dnsDiscovery,
  multicastDiscovery,
  pollDiscovery,
  type Seeker,
  staticDiscovery,
} from '@cometd-ts/oort/mesh';
import { type Answer, decode, encode, type Packet } from 'dns-packet';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

const own = 'http://10.0.0.1:8080/cometd';

/** A mesh that goes nowhere, and notes what it is asked. */
class Notes implements Seeker {
  readonly url: string;
  knownComets: string[] = [];
  readonly observed: string[] = [];
  readonly attempted: string[] = [];
  readonly failures: unknown[] = [];
  reachable = true;

  constructor(url = own) {
    this.url = url;
  }

  observe(url: string): void {
    this.observed.push(url);
    this.knownComets.push(url);
  }

  async attempt(url: string): Promise<boolean> {
    this.attempted.push(url);
    if (this.reachable) this.knownComets.push(url);
    return this.reachable;
  }

  failed(error: unknown): void {
    this.failures.push(error);
  }
}

async function begin(discovery: Discovery, seeker = new Notes()): Promise<Notes> {
  onTestFinished(() => discovery.stop());
  await discovery.start(seeker);
  return seeker;
}

describe('the static discovery', () => {
  it('goes to every URL of its list, in order', async () => {
    const urls = ['http://10.0.0.2/cometd', own, 'http://10.0.0.3/cometd'];
    expect((await begin(staticDiscovery(urls))).observed).toEqual(urls);
  });

  it('takes a list of texts only', () => {
    expect(() => staticDiscovery('http://10.0.0.2/cometd' as never)).toThrow(TypeError);
    expect(() => staticDiscovery([1] as never)).toThrow(TypeError);
  });
});

describe('the discovery by a function', () => {
  it('asks at once and again after each interval, and goes to what is new', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let urls = [own, 'http://10.0.0.2/cometd'];
    const seeker = await begin(pollDiscovery(() => urls, { interval: 1_000 }));
    expect(seeker.observed).toEqual(['http://10.0.0.2/cometd']);
    urls = [own, 'http://10.0.0.2/cometd', 'http://10.0.0.3/cometd'];
    await vi.advanceTimersByTimeAsync(1_000);
    expect(seeker.observed).toEqual(['http://10.0.0.2/cometd', 'http://10.0.0.3/cometd']);
  });

  it('reports what the function throws, and what it makes of it, and asks again', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let times = 0;
    const seeker = await begin(
      pollDiscovery(async () => {
        if (++times === 1) throw new Error('no list today');
        return ['http://10.0.0.2/cometd'];
      }),
    );
    expect(String(seeker.failures[0])).toContain('no list today');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(seeker.observed).toEqual(['http://10.0.0.2/cometd']);
  });

  it('asks no more once it is stopped, even in the middle of a question', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let answer: (urls: string[]) => void = () => undefined;
    const discovery = pollDiscovery(
      () =>
        new Promise<string[]>((resolve) => {
          answer = resolve;
        }),
    );
    const seeker = new Notes();
    const started = discovery.start(seeker);
    await discovery.stop();
    answer(['http://10.0.0.2/cometd']);
    await started;
    expect(seeker.observed).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([0, -1, Number.NaN])('refuses the interval %s', (interval) => {
    expect(() => pollDiscovery(() => [], { interval })).toThrow(RangeError);
  });
});

describe('the discovery by DNS', () => {
  /** A DNS server that knows these answers. */
  async function dns(answers: (name: string, type: string) => Answer[]): Promise<string> {
    const socket = createSocket('udp4');
    socket.on('message', (message: Buffer, { port, address }: RemoteInfo) => {
      const { id, questions = [] } = decode(message) as Packet;
      const [question] = questions;
      const found = question ? answers(question.name, question.type) : [];
      // 3 is the code for "no such name".
      const reply = encode({
        type: 'response',
        id: id ?? 0,
        flags: found.length > 0 ? 0 : 3,
        questions,
        answers: found,
      });
      socket.send(reply, port, address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    onTestFinished(() => void socket.close());
    return `127.0.0.1:${(socket.address() as AddressInfo).port}`;
  }

  it('goes to every address of the name, as a headless service has them', async () => {
    const server = await dns((name, type) => {
      if (name !== 'chat.test') return [];
      if (type === 'A') return ['10.0.0.1', '10.0.0.2'].map((data) => ({ type: 'A', name, data }));
      if (type === 'AAAA') return [{ type: 'AAAA', name, data: 'fd00::2' }];
      return [];
    });
    const seeker = await begin(dnsDiscovery({ name: 'chat.test', port: 8080, servers: [server] }));
    expect(seeker.observed).toEqual(['http://10.0.0.2:8080/cometd', 'http://[fd00::2]:8080/cometd']);
    expect(seeker.failures).toEqual([]);
  });

  it('takes host and port from SRV records when it has no port', async () => {
    const server = await dns((name, type) =>
      type === 'SRV' ? [{ type: 'SRV', name, data: { target: 'node2.test', port: 9090, priority: 0, weight: 0 } }] : [],
    );
    const seeker = await begin(
      dnsDiscovery({ name: '_cometd._tcp.chat.test', scheme: 'https', path: '/bayeux', servers: [server] }),
    );
    expect(seeker.observed).toEqual(['https://node2.test:9090/bayeux']);
  });

  it('reports that the name is unknown', async () => {
    const server = await dns(() => []);
    const seeker = await begin(dnsDiscovery({ name: 'nobody.test', port: 8080, servers: [server] }));
    expect(seeker.failures).toMatchObject([{ code: 'ENOTFOUND' }]);
  });
});

describe('the discovery by multicast', () => {
  /** A group and a port that no other test uses; everything stays on the loopback interface. */
  let groups = 0;
  const loop = (options: object = {}): Parameters<typeof multicastDiscovery>[0] => ({
    allow: () => true,
    groupAddress: '239.255.77.1',
    groupPort: 20_000 + (process.pid % 20_000) + ++groups,
    groupInterfaces: ['127.0.0.1'],
    ...options,
  });

  async function cry(
    packet: string | Buffer,
    { groupAddress, groupPort }: Parameters<typeof multicastDiscovery>[0],
  ): Promise<void> {
    const socket: Socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, resolve));
    socket.setMulticastInterface('127.0.0.1');
    await new Promise<void>((resolve, reject) =>
      socket.send(packet, groupPort as number, groupAddress as string, (error) => (error ? reject(error) : resolve())),
    );
    socket.close();
  }

  it('hears the others, and is heard: each packet is a URL and nothing else', async () => {
    const options = loop({ advertiseInterval: 20 });
    const heard: string[] = [];
    const ear = createSocket({ type: 'udp4', reuseAddr: true });
    ear.on('message', (packet) => heard.push(packet.toString()));
    await new Promise<void>((resolve) => ear.bind(options.groupPort, resolve));
    onTestFinished(() => void ear.close());
    ear.addMembership('239.255.77.1', '127.0.0.1');
    const one = await begin(multicastDiscovery(options));
    const other = await begin(multicastDiscovery(options), new Notes('http://10.0.0.2:8080/cometd'));
    await vi.waitFor(() => expect([one.attempted, other.attempted]).toEqual([['http://10.0.0.2:8080/cometd'], [own]]));
    await vi.waitFor(() => expect(new Set(heard)).toEqual(new Set([own, 'http://10.0.0.2:8080/cometd'])));
  });

  it('goes to none that is not allowed, is no URL, is known, or is its own', async () => {
    const options = loop({ allow: (url: string) => url.startsWith('http://10.') });
    const seeker = new Notes();
    seeker.knownComets = ['http://10.0.0.7/cometd'];
    await begin(multicastDiscovery(options), seeker);
    for (const packet of ['http://evil.test/cometd', 'nonsense', 'http://10.0.0.7/cometd', own, Buffer.from([0xff, 0])])
      await cry(packet, options);
    await cry('http://10.0.0.9/cometd', options);
    await vi.waitFor(() => expect(seeker.attempted).toEqual(['http://10.0.0.9/cometd']));
  });

  it('goes to a node that could not be reached when it is heard again', async () => {
    const options = loop({ advertiseInterval: 15 });
    const seeker = new Notes();
    seeker.reachable = false;
    await begin(multicastDiscovery(options), seeker);
    await begin(multicastDiscovery(options), new Notes('http://10.0.0.2:8080/cometd'));
    await vi.waitFor(() => expect(seeker.attempted.length).toBeGreaterThan(1));
  });

  it('does not call out a URL that is too long, and says so', async () => {
    const seeker = await begin(multicastDiscovery(loop({ maxTransmissionLength: 10 })));
    expect(String(seeker.failures[0])).toContain('maxTransmissionLength');
  });

  it('does not start where no interface takes part', async () => {
    const discovery = multicastDiscovery(loop({ groupInterfaces: ['203.0.113.1'] }));
    await expect(Promise.resolve(discovery.start(new Notes()))).rejects.toThrow('No network interface takes part');
  });

  it('trusts nobody by default', () => {
    expect(() => multicastDiscovery({} as never)).toThrow("an option 'allow'");
  });
});
