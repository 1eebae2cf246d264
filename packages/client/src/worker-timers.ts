/** Timers in a worker: browsers do not slow them down while the page is hidden. */
import type { Platform, World } from './platform.ts';

const program = 'onmessage = ({ data: [id, delay] }) => setTimeout(postMessage, delay, id)';

type Timers = Required<Pick<Platform, 'setTimeout' | 'clearTimeout'>>;

/** Such timers, where the platform has workers; one worker, made when it is first needed. `end`: a session is over. */
export function workerTimers(globals: World): (Timers & { end(): void }) | undefined {
  const { Blob: BlobClass, URL: URLClass } = globals;
  const WorkerClass = globals.Worker as typeof Worker | undefined;
  if (!WorkerClass || !BlobClass || !URLClass?.createObjectURL) return undefined;
  const waiting: Map<number, { fn: () => void; ms: number }> = new Map();
  let worker: Worker | null | undefined;
  let ids = 0;
  const plain = (fn: () => void, ms: number): unknown => globals.setTimeout?.(fn, ms);
  let ending = false;
  /** The worker goes with the last timer of a session that has ended. */
  const rest = (): void => {
    if (!worker || !ending || waiting.size > 0) return;
    worker.terminate();
    worker = undefined;
  };
  const fire = (id: number): void => {
    const timer = waiting.get(id);
    waiting.delete(id);
    timer?.fn();
    rest();
  };
  const broken = (): void => {
    // A policy of the page forbids the worker: what waits is done by ordinary timers, a little late.
    worker = null;
    for (const [id, { ms }] of waiting) plain(() => fire(id), ms);
  };
  const open = (): void => {
    try {
      worker = new WorkerClass(URLClass.createObjectURL(new BlobClass([program], { type: 'application/javascript' })));
      worker.onerror = broken;
      worker.onmessage = ({ data }) => fire(data as number);
    } catch {
      // Reported by what it leads to: ordinary timers.
      worker = null;
    }
  };
  return {
    setTimeout(fn, ms) {
      if (worker === undefined) open();
      if (!worker) return plain(fn, ms);
      ending = false;
      const id = ++ids;
      waiting.set(id, { fn, ms });
      worker.postMessage([id, ms]);
      return { id };
    },
    clearTimeout(handle) {
      const id = (handle as { id?: number } | null)?.id;
      // What the worker says of a timer that nobody waits for is not heard.
      if (id === undefined || !waiting.delete(id)) globals.clearTimeout?.(handle);
      rest();
    },
    end() {
      ending = true;
      rest();
    },
  };
}
