/** Nodes that are known beforehand: `oort.cloud` of the book. */
import type { Discovery, Seeker } from './discovery.ts';

/** Goes to these nodes. The own URL may be among them, so that all nodes can have the same list. Throws `TypeError` for what is no list of texts. */
export function staticDiscovery(urls: readonly string[]): Discovery {
  if (!Array.isArray(urls) || !urls.every((url) => typeof url === 'string'))
    throw new TypeError('The static discovery takes a list of URLs');
  return {
    start: (seeker: Seeker) => {
      for (const url of urls) seeker.observe(url);
    },
    stop: () => undefined,
  };
}
