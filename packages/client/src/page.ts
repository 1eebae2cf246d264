/** What the page of a client goes through: hidden and seen, offline and online. */
import { world } from './platform.ts';

/** Calls `seen` when somebody looks again or the network is back, and `offline` when it is gone. Answers what ends it. */
export function watchPage(seen: () => void, offline: () => void): () => void {
  const { addEventListener, removeEventListener, document } = world();
  const page = document as Document | undefined;
  if (!addEventListener || !removeEventListener) return () => undefined;
  const look = (): void => {
    if (page?.visibilityState !== 'hidden') seen();
  };
  const watched = [
    ['online', look],
    ['pageshow', look],
    ['offline', offline],
  ] as const;
  for (const [event, listener] of watched) addEventListener(event, listener);
  page?.addEventListener('visibilitychange', look);
  return () => {
    for (const [event, listener] of watched) removeEventListener(event, listener);
    page?.removeEventListener('visibilitychange', look);
  };
}
