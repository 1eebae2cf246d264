/** What monitoring systems are told of a cluster: the state, the nodes, what waits for them, and what was lost or refused. */
import { hasLinks } from './engine.ts';
import type { Oort } from './oort.ts';

/** A counter or a gauge, as `prometheusMetrics(server, { more: clusterMetrics(oort) })` takes it. */
export interface ClusterMetric {
  /** Without prefix and `_total`. */
  readonly name: string;
  readonly spec: {
    readonly type: 'counter' | 'gauge';
    readonly unit: '';
    readonly help: string;
    readonly labels: readonly string[];
  };
  /** The values at this moment. Labels are of a fixed few: no URL is among them. */
  readonly read: () => readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Why messages for other nodes were dropped. */
const drops: readonly string[] = ['queue', 'refused', 'lost', 'restart', 'closed'];

const natsEvents: readonly string[] = ['disconnect', 'reconnect', 'lame_duck', 'denied', 'error', 'latecomer'];

/**
 * The metrics of one node: `cluster_state` (0 up, 1 degraded, 2 down), `cluster_nodes` by `state` (`joined`, `half`, `away`),
 * `cluster_link_queue`, `cluster_inflow`, and the counters `cluster_link_dropped` by `reason`, `cluster_refused`, `cluster_rejected` by `reason`
 * and `cluster_nats_events` by `event`.
 */
export function clusterMetrics(oort: Oort): readonly ClusterMetric[] {
  const { counters } = oort.server.diagnostics;
  const count = (name: string): number => counters.get(name) ?? 0;
  const by = (label: string, values: readonly string[], prefix: string) => () =>
    values.map((value) => ({ labels: { [label]: value }, value: count(`${prefix}.${value}`) }));
  const one = (value: () => number) => () => [{ labels: {}, value: value() }];
  const rejections: readonly string[] = [
    'oort_handshake',
    'oort_forged',
    'oort_not_allowed',
    'oort_url',
    'oort_crowd',
    'oort_unasked',
    'oort_nats',
  ];
  return [
    gauge(
      'cluster_state',
      '0 when the cluster is up, 1 when some of it cannot be reached, 2 when none of it can.',
      [],
      one(() => ['up', 'degraded', 'down'].indexOf(oort.status.state)),
    ),
    gauge('cluster_nodes', 'Other nodes: joined, known by halves, or away.', ['state'], () => nodes(oort)),
    gauge(
      'cluster_link_queue',
      'Messages that wait for links to other nodes, or for NATS.',
      [],
      one(() => waiting(oort)),
    ),
    gauge(
      'cluster_inflow',
      'Messages of other nodes that wait until clients here have taken what came before.',
      [],
      one(() => oort.inflow),
    ),
    counter(
      'cluster_link_dropped',
      'Messages between nodes that were dropped, or lost on their way.',
      ['reason'],
      by('reason', drops, 'oort_link_dropped'),
    ),
    counter(
      'cluster_refused',
      'Messages and subscriptions of the cluster that an authorizer or another node refused.',
      [],
      one(() => count('oort_refused')),
    ),
    counter(
      'cluster_rejected',
      'What claimed to come from a node, or named one, and was not believed.',
      ['reason'],
      by('reason', rejections, 'rejected'),
    ),
    counter(
      'cluster_nats_events',
      'What has happened to the connection to NATS.',
      ['event'],
      by('event', natsEvents, 'nats'),
    ),
  ];
}

function waiting({ engine }: Oort): number {
  return hasLinks(engine) ? engine.links.reduce((sum, { queued }) => sum + queued, 0) : (engine.queued ?? 0);
}

function nodes(oort: Oort): ReturnType<ClusterMetric['read']> {
  const states = { joined: 0, half: 0, away: 0 };
  if (!hasLinks(oort.engine)) states.joined = oort.members.length;
  else
    for (const { out, in: inward } of oort.engine.links)
      if (inward === 'joined' && out === 'up') states.joined++;
      else if (inward === 'none' && out !== 'up') states.away++;
      else states.half++;
  return Object.entries(states).map(([state, value]) => ({ labels: { state }, value }));
}

function gauge(name: string, help: string, labels: readonly string[], read: ClusterMetric['read']): ClusterMetric {
  return { name, spec: { type: 'gauge', unit: '', help, labels }, read };
}

function counter(name: string, help: string, labels: readonly string[], read: ClusterMetric['read']): ClusterMetric {
  return { name, spec: { type: 'counter', unit: '', help, labels }, read };
}
