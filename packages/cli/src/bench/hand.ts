/** One of the processes that are the users: this one, or a child that is told what to do. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Crowd, type Heeded, type Sent, type Share, type Tick } from './crowd.ts';
import type { Plan, Run } from './plan.ts';

export interface Hand {
  gather(count: number): Promise<readonly number[]>;
  begin(run: Run): Promise<void>;
  send(run: Run): Promise<Sent>;
  end(): Promise<Heeded>;
  close(): Promise<void>;
}

type Verb = keyof Hand | 'open';
interface Order {
  readonly id: number;
  readonly verb: Verb;
  readonly words: readonly unknown[];
}
type Report = { readonly tick: Tick } | { readonly id: number; readonly value?: unknown; readonly error?: string };

/** The users are in this process. */
export function ownHand(plan: Plan, share: Share, tell: (tick: Tick) => void): Hand {
  const crowd = new Crowd(plan, share, tell);
  return {
    gather: (count) => crowd.gather(count),
    begin: async (run) => crowd.begin(run),
    send: (run) => crowd.send(run),
    end: async () => crowd.end(),
    close: async () => crowd.close(),
  };
}

/** The users are in a child process, which is this command again. */
export async function childHand(plan: Plan, share: Share, tell: (tick: Tick) => void): Promise<Hand> {
  const child = fork(process.argv[1] ?? '', ['bench', 'hand']);
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  child.on('message', (report: Report) => {
    if ('tick' in report) {
      tell(report.tick);
      return;
    }
    const wait = waiting.get(report.id);
    waiting.delete(report.id);
    if (report.error === undefined) wait?.resolve(report.value);
    else wait?.reject(new Error(report.error));
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`A process of the client ended with ${code}`));
    waiting.clear();
  });
  const ask = <Value>(verb: Verb, ...words: readonly unknown[]): Promise<Value> =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve: (value) => resolve(value as Value), reject });
      const order: Order = { id: lastId, verb, words };
      child.send(order, (error) => error && reject(error));
    });
  await ask('open', plan, share);
  return {
    gather: (count) => ask('gather', count),
    begin: (run) => ask('begin', run),
    send: (run) => ask('send', run),
    end: () => ask('end'),
    close: async () => {
      const gone = once(child, 'exit');
      await ask('close');
      child.disconnect();
      await gone;
    },
  };
}

/** Is the child: does what it is told, and ends when nobody tells it any more. */
export function serveHand(): Promise<void> {
  const report = (message: Report): void => {
    process.send?.(message);
  };
  let hand: Hand | undefined;
  const obey = async ({ verb, words }: Order): Promise<unknown> => {
    if (verb === 'open') {
      const [plan, share] = words as [Plan, Share];
      hand = ownHand(plan, share, (tick) => report({ tick }));
      return null;
    }
    const act = hand?.[verb] as ((...given: readonly unknown[]) => Promise<unknown>) | undefined;
    return act?.(...words);
  };
  process.on('message', (order: Order) => {
    obey(order).then(
      (value) => report({ id: order.id, value }),
      (error: Error) => report({ id: order.id, error: error.message }),
    );
  });
  return new Promise((resolve) => {
    process.on('disconnect', resolve);
  });
}
