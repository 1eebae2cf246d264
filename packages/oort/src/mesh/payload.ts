/** What a node says of itself in messages must be true: the URLs in what it publishes are its own. */
import type { Message } from '@cometd-ts/protocol';
import { isReserved } from '@cometd-ts/server';
import { isObject } from './secret.ts';

/** Fields that name the sender: the owner of a part or who asks for one, who is present somewhere, who asks or answers. */
const fields: readonly string[] = ['oort.info.url', 'oortURL', 'oort.service.url'];

/** Whether a message of the cluster that the node of this URL has sent itself names another node as its sender. */
export function isForged(message: Message, url: string): boolean {
  const { channel, data } = message;
  if (!isReserved(channel) || !isObject(data)) return false;
  return fields.some((field) => data[field] !== undefined && data[field] !== url);
}

/** Whether a channel is among the observed ones, or one of their patterns matches it. */
export function isObserved(channel: string, observed: ReadonlySet<string>): boolean {
  if (observed.has(channel)) return true;
  for (const pattern of observed) {
    if (!pattern.endsWith('*')) continue;
    const isDeep = pattern.endsWith('/**');
    const root = pattern.slice(0, isDeep ? -2 : -1);
    if (channel.startsWith(root) && (isDeep || !channel.includes('/', root.length))) return true;
  }
  return false;
}
