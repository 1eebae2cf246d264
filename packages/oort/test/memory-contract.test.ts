/** The engine of the tests keeps the contract, too: what stands on it is tested on firm ground. */
import type { Addresses } from '@cometd-ts/oort';
import { MemoryCloud } from '@cometd-ts/testkit';
import { addressContract } from '@cometd-ts/testkit/address-contract';
import { engineContract } from '@cometd-ts/testkit/engine-contract';
import { Cloud } from './clouds.ts';

engineContract('memory', () => {
  const cloud = new MemoryCloud();
  let places = 0;
  return {
    place: async (_server, url = `http://node${++places}.test/cometd`) => url,
    engine: () => cloud.engine(),
    kill: async (url) => cloud.kill(url),
    cut: async (one, other) => cloud.cut(one, other),
    heal: async (one, other) => cloud.heal(one, other),
    close: () => cloud.settled(),
  };
});

addressContract('memory', async () => {
  const cloud = new Cloud({ addresses: true });
  const urls: string[] = [];
  return {
    node: async () => {
      const { oort, url } = await cloud.node();
      urls.push(url);
      await cloud.settled();
      return { addresses: oort.engine.addresses as Addresses, stop: () => oort.stop() };
    },
    away: async () => {
      for (const url of urls) cloud.memory.cutOff(url);
    },
    back: async () => {
      for (const url of urls) cloud.memory.reconnect(url);
    },
    payload: 1_048_576,
  };
});
