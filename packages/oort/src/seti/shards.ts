/** Which shard a user belongs to: the same on every node, of every version, for ever. */

/** FNV-1a over the code units of the id, low byte first. */
export function hashOf(userId: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < userId.length; index++) {
    const unit = userId.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), 0x0100_0193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x0100_0193);
  }
  return hash >>> 0;
}

/** From 0 to `shards` - 1. */
export function shardOf(userId: string, shards: number): number {
  return hashOf(userId) % shards;
}
