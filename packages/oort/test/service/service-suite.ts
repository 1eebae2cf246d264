/** Services of the cluster: who is asked, whose answer counts, and that every request has an end. */
import {
  type Answer,
  failure,
  ignore,
  OortService,
  type OortServiceError,
  type OortServiceOptions,
  type ServiceRequest,
  success,
} from '@cometd-ts/oort';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Cloud, House } from '../clouds.ts';

export type Answering = (request: ServiceRequest<string>) => Answer<string> | Promise<Answer<string>>;

class Echo extends OortService<string, string, string> {
  readonly log: string[] = [];
  readonly #answer: Answering;

  constructor(house: House, answer: Answering, options?: OortServiceOptions) {
    super(house.oort, 'echo', options);
    this.#answer = answer;
  }

  protected override onForward(request: ServiceRequest<string>): Answer<string> | Promise<Answer<string>> {
    return this.#answer(request);
  }

  protected override onForwardSucceeded(result: string, context: string): void {
    this.log.push(`${context}: ${result}`);
  }

  protected override onForwardFailed({ code, data }: OortServiceError, context: string): void {
    this.log.push(`${context}: ${code} ${JSON.stringify(data)}`);
  }
}

export interface Desk extends House {
  readonly service: Echo;
}

export async function desks(
  cloud: Cloud,
  answers: readonly Answering[],
  options?: OortServiceOptions,
): Promise<[Cloud, ...Desk[]]> {
  const all: Desk[] = [];
  for (const answer of answers) {
    const house = await cloud.node();
    const service = new Echo(house, answer, options);
    await service.start();
    all.push({ ...house, service });
  }
  await cloud.settled();
  return [cloud, ...all];
}

const echo: Answering = ({ parameter }) => success(parameter);
const notMine: Answering = () => ignore();
const never: Answering = () => new Promise<never>(() => undefined);

async function two(
  cloud: Cloud,
  first: Answering,
  second: Answering,
  options?: OortServiceOptions,
): Promise<[Cloud, Desk, Desk]> {
  return (await desks(cloud, [first, second], options)) as [Cloud, Desk, Desk];
}

/** @param lay makes the cloud for one test */
export function serviceSuite(lay: () => Cloud): void {
  describe('a request to one node', () => {
    it('is answered by that node, told who asks', async () => {
      const asked: unknown[] = [];
      const [cloud, a, b] = await two(lay(), echo, (request) => {
        asked.push(request);
        return success(`${request.parameter}!`);
      });
      expect(a.service.forward(b.url, 'hi', 'first')).toBe(true);
      expect(a.service.log).toEqual([]);
      await cloud.settled();
      expect(a.service.log).toEqual(['first: hi!']);
      expect(asked).toEqual([{ parameter: 'hi', url: a.url, isLocal: false }]);
      await expect(a.service.call(b.url, 'ho')).resolves.toBe('ho!');
      expect(a.service.pendingCount).toBe(0);
    });

    it('to itself needs no other, and is answered after forward has returned', async () => {
      const [, a] = await desks(lay(), [echo]);
      const { service, url } = a as Desk;
      expect(service.forward(url, 'me', 'self')).toBe(true);
      expect(service.log).toEqual([]);
      await expect(service.call(url, 'me')).resolves.toBe('me');
      expect(service.log).toEqual(['self: me']);
    });

    it.each<[string, Answering, unknown]>([
      ['fails', () => failure({ why: 'no' }), { why: 'no' }],
      ['does not feel in charge', () => ignore('not mine'), 'not mine'],
      ['throws', () => Promise.reject(new Error('broken')), 'broken'],
      [
        'throws at once, without words',
        () => {
          throw new RangeError();
        },
        'RangeError',
      ],
    ])('fails when that node %s', async (_what, answer, data) => {
      const [, a, b] = await two(lay(), echo, answer, {});
      vi.spyOn(console, 'error').mockReturnValue(undefined);
      await expect(a.service.call(b.url, 'x')).rejects.toMatchObject({ code: 'failure', data });
    });

    it('is refused when there is no way to that node, and nothing is left of it', async () => {
      const [, a] = await two(lay(), echo, echo);
      expect(a.service.forward('http://nobody.test/cometd', 'x', 'c')).toBe(false);
      await expect(a.service.call('http://nobody.test/cometd', 'x')).rejects.toMatchObject({ code: 'unreachable' });
      expect(a.service.pendingCount).toBe(0);
      expect(a.service.log).toEqual([]);
    });

    it('fails at once when that node leaves meanwhile', async () => {
      const [cloud, a, b] = await two(lay(), echo, never);
      const answer = expect(a.service.call(b.url, 'x')).rejects.toMatchObject({ code: 'left' });
      await cloud.settled();
      cloud.ground.kill(b.url);
      await answer;
      expect(a.service.pendingCount).toBe(0);
    });

    it('fails when nobody answers in time, and a late answer is of no interest', async () => {
      let answer: (answer: Answer<string>) => void = () => undefined;
      const [cloud, a, b] = await two(
        lay(),
        echo,
        () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
        { timeout: 30 },
      );
      a.service.forward(b.url, 'x', 'slow');
      await expect(a.service.call(b.url, 'y')).rejects.toMatchObject({ code: 'timeout' });
      expect(a.service.log).toEqual(['slow: timeout null']);
      answer(success('late'));
      await cloud.settled();
      expect(a.service.log).toEqual(['slow: timeout null']);
      expect(a.service.pendingCount).toBe(0);
    });
  });

  describe('a request to all nodes', () => {
    it('is answered by the one in charge, wherever it is', async () => {
      const [cloud, a, b, c] = (await desks(lay(), [notMine, notMine, echo])) as [Cloud, Desk, Desk, Desk];
      await expect(a.service.call(null, 'where')).resolves.toBe('where');
      await expect(b.service.call(null, 'are')).resolves.toBe('are');
      await expect(c.service.call(null, 'you')).resolves.toBe('you');
      await cloud.settled();
    });

    it('has the first answer, and one only', async () => {
      const [cloud, a] = (await desks(lay(), [echo, echo, echo])) as [Cloud, Desk, Desk, Desk];
      a.service.forward(null, 'x', 'all');
      await cloud.settled();
      expect(a.service.log).toEqual(['all: x']);
    });

    it('times out when nobody feels in charge, or those who do throw', async () => {
      vi.spyOn(console, 'error').mockReturnValue(undefined);
      const [, a] = await two(lay(), notMine, () => Promise.reject(new Error('broken')), { timeout: 20 });
      await expect(a.service.call(null, 'x')).rejects.toMatchObject({ code: 'timeout' });
    });
  });

  describe('a request', () => {
    it('ends with the service', async () => {
      const [, a, b] = await two(lay(), echo, never);
      const answer = expect(a.service.call(b.url, 'x')).rejects.toMatchObject({ code: 'stopped' });
      await a.service.stop();
      await answer;
      expect(() => a.service.forward(b.url, 'x', 'c')).toThrow("Start the service 'echo' first");
    });

    it('is no longer waited for when its signal is aborted', async () => {
      const [, a, b] = await two(lay(), echo, never);
      const stop = new AbortController();
      const answer = expect(a.service.call(b.url, 'x', { signal: stop.signal })).rejects.toThrow('enough');
      stop.abort(new Error('enough'));
      await answer;
      expect(a.service.pendingCount).toBe(0);
      await expect(a.service.call(b.url, 'x', { signal: stop.signal })).rejects.toThrow('enough');
    });

    it.each([
      [1, true],
      [2, true],
      [3, false],
    ])('of %i that wait, with maxPending 2, is sent: %s', async (count, sent) => {
      const [, a, b] = await two(lay(), echo, never, { maxPending: 2 });
      onTestFinished(() => a.service.stop());
      let last = true;
      for (let each = 0; each < count; each++) last = a.service.forward(b.url, 'x', 'c');
      expect(last).toBe(sent);
    });

    it('that cannot be written throws, and leaves nothing behind', async () => {
      const [, a, b] = await two(lay(), echo, echo);
      const loop: { self?: unknown } = {};
      loop.self = loop;
      for (const target of [null, b.url])
        expect(() => a.service.forward(target, loop as never, 'c')).toThrow(TypeError);
      expect(a.service.pendingCount).toBe(0);
    });
  });

  it.each(['', 'a/b', 'a*', 'ü'])('the name %j is refused', async (name) => {
    const { oort } = await lay().node();
    class Named extends OortService {
      protected override onForward(): Answer<unknown> {
        return ignore();
      }
    }
    expect(() => new Named(oort, name)).toThrow(RangeError);
  });
}

/** What only nodes say to each other that have messages alone. */
export function serviceWords(lay: () => Cloud): void {
  describe('the wire of services', () => {
    it('travels in the words of Java nodes', async () => {
      const [cloud, a, b] = await two(lay(), echo, echo);
      const heard: unknown[] = [];
      for (const { server } of [a, b])
        for (const channel of ['/service/oort/service/echo', '/service/oort/service/echo/result'])
          server.getChannel(channel)?.addListener('message', (_sender, { id }, { data }) => {
            heard.push([id, data]);
          });
      void a.service.call(b.url, 'hi');
      await cloud.settled();
      expect(heard).toEqual([
        [
          '/service/oort/service/echo',
          { 'oort.service.id': 1, 'oort.service.url': a.url, 'oort.service.parameter': 'hi' },
        ],
        [
          '/service/oort/service/echo/result',
          {
            'oort.service.id': 1,
            'oort.service.url': b.url,
            'oort.service.result': true,
            'oort.service.data': 'hi',
          },
        ],
      ]);
    });

    it('cannot be answered by another node', async () => {
      const [cloud, a, b, c] = (await desks(lay(), [echo, never, echo])) as [Cloud, Desk, Desk, Desk];
      a.service.forward(b.url, 'x', 'first');
      await cloud.settled();
      c.oort.send(a.url, {
        channel: '/service/oort/service/echo/result',
        data: {
          'oort.service.id': 1,
          'oort.service.url': c.url,
          'oort.service.result': true,
          'oort.service.data': 'forged',
        },
      });
      await cloud.settled();
      expect(a.service.log).toEqual([]);
      expect(a.service.pendingCount).toBe(1);
    });

    it.each([null, 'text', {}, { 'oort.service.id': '1', 'oort.service.url': 'u' }, { 'oort.service.id': 1 }])(
      'that is none is refused and counted: %j',
      async (data) => {
        const [cloud, a, b] = await two(lay(), echo, echo);
        for (const channel of ['/service/oort/service/echo', '/service/oort/service/echo/result'])
          a.oort.send(b.url, { channel, data });
        await cloud.settled();
        expect(b.server.diagnostics.counters.get('rejected.oort_service')).toBe(2);
      },
    );
  });
}
