/** The engine of the tests keeps the contract, too: what stands on it is tested on firm ground. */
import { MemoryCloud } from '@cometd-ts/testkit';
import { engineContract } from '@cometd-ts/testkit/engine-contract';

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
