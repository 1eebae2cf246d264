/** The buckets of the tests keep the contract, too. */
import { type MemoryBuckets, MemoryVault } from '@cometd-ts/testkit';
import { bucketContract } from '@cometd-ts/testkit/bucket-contract';

bucketContract('memory', () => {
  const vault = new MemoryVault((task) => setImmediate(task));
  return {
    buckets: async (json) => vault.buckets(json),
    cutOff: async (buckets) => (buckets as MemoryBuckets).cutOff(),
    reconnect: async (buckets) => (buckets as MemoryBuckets).reconnect(),
    lose: async () => vault.lose(),
    close: async () => undefined,
  };
});
