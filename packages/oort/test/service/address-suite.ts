/** Services on an engine with addresses: who is not there is known at once, and any node will do. On any ground. */
import { anyNode, failure, ignore, success } from '@cometd-ts/oort';
import { describe, expect, it, vi } from 'vitest';
import type { Cloud } from '../clouds.ts';
import { type Answering, type Desk, desks } from './service-suite.ts';

/** Answers with the URL of the node, so that it can be told who was asked. */
const here: Answering = ({ parameter, isLocal }) => success(`${parameter} ${isLocal ? 'here' : 'there'}`);

/** @param lay makes the cloud for one test */
export function addressedServiceSuite(lay: () => Cloud): void {
  const open = async (...answers: Answering[]): Promise<[Cloud, ...Desk[]]> =>
    desks(lay(), answers, { timeout: 15_000 });

  describe('a request to a node that does not have the service', () => {
    it('fails at once, because nobody hears it', async () => {
      const [cloud, a] = (await open(here)) as [Cloud, Desk];
      const other = await cloud.node();
      await cloud.settled();
      await expect(a.service.call(other.url, 'x')).rejects.toMatchObject({ code: 'unreachable' });
      expect(a.service.forward(other.url, 'x', 'c')).toBe(true);
      await vi.waitFor(() => expect(a.service.log).toEqual(['c: unreachable null']));
      expect(a.service.pendingCount).toBe(0);
    });

    it('any more fails at once, too', async () => {
      const [cloud, a, b] = (await open(here, here)) as [Cloud, Desk, Desk];
      await expect(a.service.call(b.url, 'x')).resolves.toBe('x there');
      await b.service.stop();
      await cloud.settled();
      await expect(a.service.call(b.url, 'x')).rejects.toMatchObject({ code: 'unreachable' });
    });
  });

  describe('a request to any node', () => {
    it('is heard by one that has the service, this one among them, and over many by all', async () => {
      const asked = [0, 0, 0];
      const count =
        (index: number): Answering =>
        ({ parameter }) => {
          asked[index] = (asked[index] ?? 0) + 1;
          return success(parameter);
        };
      const [, a] = (await open(count(0), count(1), count(2))) as [Cloud, Desk, Desk, Desk];
      for (let n = 0; n < 150; n++) expect(await a.service.call(anyNode, `${n}`)).toBe(`${n}`);
      expect(asked.reduce((sum, each) => sum + each)).toBe(150);
      for (const each of asked) expect(each).toBeGreaterThan(10);
    });

    it.each<[string, Answering, unknown]>([
      ['ignores it', () => ignore('not mine'), 'not mine'],
      ['fails', () => failure('no'), 'no'],
      ['throws', () => Promise.reject(new Error('broken')), 'broken'],
    ])('fails when that node %s: no other is asked', async (_what, answer, data) => {
      vi.spyOn(console, 'error').mockReturnValue(undefined);
      const [, a] = (await open(answer, answer)) as [Cloud, Desk, Desk];
      await expect(a.service.call(anyNode, 'x')).rejects.toMatchObject({ code: 'failure', data });
    });

    it('comes to this one when no other has the service', async () => {
      const [cloud, a, b] = (await open(here, here)) as [Cloud, Desk, Desk];
      await b.service.stop();
      await cloud.settled();
      for (let n = 0; n < 20; n++) await expect(a.service.call(anyNode, 'x')).resolves.toBe('x here');
      a.service.forward(anyNode, 'y', 'any');
      await vi.waitFor(() => expect(a.service.log).toEqual(['any: y here']));
    });
  });

  it('a request too large for the message system is refused, and so is an answer', async () => {
    const large = 'x'.repeat(1_100_000);
    const [, a, b] = (await open(here, ({ parameter }) => success(parameter === 'grow' ? large : parameter))) as [
      Cloud,
      Desk,
      Desk,
    ];
    await expect(a.service.call(b.url, large)).rejects.toMatchObject({ code: 'tooLarge' });
    await expect(a.service.call(b.url, 'grow')).rejects.toMatchObject({ code: 'tooLarge' });
    expect(a.service.pendingCount).toBe(0);
  });
}

/** @param lay makes a cloud without addresses */
export function unaddressedServiceSuite(lay: () => Cloud): void {
  it('a request to any node is refused where the engine has no addresses', async () => {
    const [, a] = (await desks(lay(), [here])) as [Cloud, Desk];
    expect(() => a.service.forward(anyNode, 'x', 'c')).toThrow(
      "To ask anyNode needs an engine with addresses, and 'memory'",
    );
    await expect(a.service.call(anyNode, 'x')).rejects.toThrow(TypeError);
    expect(a.service.pendingCount).toBe(0);
  });
}
