/** What we want to reach, and whether a run did. */
import { type ServerName, scenarios } from '../scenarios.ts';
import { figuresOf, type Measure, type Place, ratioOf, type Spread, saturatedIn, spreadOf } from './ratios.ts';
import type { Run } from './run.ts';

export interface Target {
  readonly what: string;
  readonly one: Place;
  /** What it is divided by; the figure itself is meant when there is nothing. */
  readonly other?: Place;
  readonly measure: Measure;
  readonly atLeast: number;
  readonly aim: number;
  /** More is better. Default false. */
  readonly isRising?: boolean;
  /** Of figures that are no ratios. */
  readonly unit?: string;
}

export type Verdict = 'aim reached' | 'met' | 'MISSED' | 'not measured';

export interface Outcome extends Target {
  readonly spread: Spread | undefined;
  readonly verdict: Verdict;
  /** Servers that kept the load busier than it should be. */
  readonly saturated: readonly ServerName[];
}

const ours = (scenario: string): Place => ({ scenario, server: 'ours' });

function against(
  what: string,
  scenario: string,
  server: ServerName,
  [atLeast, aim]: readonly [number, number],
): Target {
  return { what, one: ours(scenario), other: { scenario, server }, measure: 'cost', atLeast, aim };
}

/** The targets one by one, but for those against CometD for Java, which hold in every scenario. */
export const targets: readonly Target[] = [
  against('WebSocket fan-out, unbatched, vs Socket.IO', 'fan-out', 'socket.io', [0.65, 0.58]),
  against('… vs Faye', 'fan-out', 'faye', [0.55, 0.47]),
  against('… vs uWebSockets publish', 'fan-out', 'uws', [1.45, 1.2]),
  against('ten in flight, vs Socket.IO', 'fan-out-10', 'socket.io', [0.13, 0.1]),
  against('ten in flight, vs uWebSockets', 'fan-out-10', 'uws', [1.5, 1.15]),
  against('receive and reply, vs uWebSockets', 'reply', 'uws', [1.7, 1.3]),
  against('long-polling fan-out, vs cometd-nodejs-server', 'long-polling', 'cometd-nodejs-server', [0.6, 0.5]),
  ...(['cores', 'cores-10'] as const).map(
    (scenario): Target => ({
      what: `messages a second with two cores (${scenario === 'cores' ? 'one' : 'ten'} in flight), vs CometD for Java`,
      one: ours(scenario),
      other: { scenario, server: 'java' },
      measure: 'rate',
      atLeast: 1.1,
      aim: 1.5,
      isRising: true,
    }),
  ),
  {
    what: 'RSS of an idle WebSocket session, subscribed',
    one: ours('memory'),
    measure: 'cost',
    atLeast: 10,
    aim: 8,
    unit: 'kB',
  },
  {
    what: 'cost of a message with 100,000 channels vs 1',
    one: ours('channels-100000'),
    other: ours('channels-1'),
    measure: 'cost',
    atLeast: 1.15,
    aim: 1.05,
  },
];

/** Java is met with its defaults and at its best, in CPU and in latency, wherever it takes part on one core. */
export const javaTargets: readonly Target[] = scenarios
  .filter(({ kind, cores }) => kind !== 'idle' && cores === 1)
  .flatMap(({ name, servers, lazy }) =>
    (['java', 'java-small'] as const)
      .filter((server) => servers.includes(server))
      .flatMap((server) =>
        // How long lazy messages wait is what the channel wants.
        (lazy ? (['cost'] as const) : (['cost', 'p50'] as const)).map(
          (measure): Target => ({
            what: `${name}, ${measure === 'cost' ? 'CPU' : 'p50'}, vs ${server}`,
            one: ours(name),
            other: { scenario: name, server },
            measure,
            atLeast: 0.9,
            aim: 0.65,
          }),
        ),
      ),
  );

export function outcomeOf(target: Target, runs: readonly Run[]): Outcome {
  const { one, other, measure } = target;
  const spread = other ? ratioOf(runs, one, other, measure) : spreadOf(figuresOf(runs, one, measure));
  const saturated = saturatedIn(runs, other ? [one, other] : [one]);
  return { ...target, spread, verdict: verdictOf(target, spread?.median), saturated };
}

export function verdictOf({ atLeast, aim, isRising = false }: Target, figure: number | undefined): Verdict {
  if (figure === undefined) return 'not measured';
  const reaches = (bound: number): boolean => (isRising ? figure >= bound : figure <= bound);
  if (reaches(aim)) return 'aim reached';
  return reaches(atLeast) ? 'met' : 'MISSED';
}

/** All targets against Java as one: it is reached only where each of them is. `undefined` when none was measured. */
export function worstOf(outcomes: readonly Outcome[]): Outcome | undefined {
  return outcomes
    .filter(({ spread }) => spread !== undefined)
    .reduce<Outcome | undefined>(
      (worst, one) => (worst?.spread && worst.spread.median >= one.spread!.median ? worst : one),
      undefined,
    );
}
