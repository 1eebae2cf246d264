/** Nodes that a function of the application finds, asked again and again: for whatever keeps the list of nodes where you are. */
import type { Discovery, Seeker } from './discovery.ts';

export interface PollOptions {
  /** Pause between two questions, in ms. Default 10000. */
  readonly interval?: number;
}

/**
 * Asks `find` at the start and every `interval` ms for the URLs of the nodes, and goes to those it does not know yet. What is no longer
 * among them is not left: a node that is gone is noticed by the mesh itself. A `find` that throws is reported and asked again.
 */
export function pollDiscovery(
  find: () => readonly string[] | Promise<readonly string[]>,
  { interval = 10_000 }: PollOptions = {},
): Discovery {
  if (typeof find !== 'function') throw new TypeError('The discovery takes a function that finds the URLs of nodes');
  if (!(interval > 0 && interval < 2 ** 31))
    throw new RangeError(`The option 'interval' must be ms above 0, not ${interval}`);
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const ask = async (seeker: Seeker): Promise<void> => {
    try {
      const urls = await find();
      if (isOver) return;
      const known = new Set([seeker.url, ...seeker.knownComets]);
      for (const url of urls) if (!known.has(url)) seeker.observe(url);
    } catch (error) {
      seeker.failed(error);
    }
    if (isOver) return;
    timer = setTimeout(() => void ask(seeker), interval);
    timer.unref();
  };
  return {
    start: (seeker) => ask(seeker),
    stop: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
