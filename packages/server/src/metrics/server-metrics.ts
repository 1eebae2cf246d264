/** The metrics of a server, read from its rooms when somebody asks. Nothing here runs for servers that nobody watches. */
import { type IntervalHistogram, performance as loop, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Registration } from '../api.ts';
import type { Observer } from '../diagnostics.ts';
import type { Rooms } from '../rooms.ts';
import type { Outlet } from '../session/flusher.ts';
import type { MetricsObserver, MetricsRegistry, Sample } from './registry.ts';
import { type HistogramName, type MetricSpec, metricSpecs, type ReadableName } from './specs.ts';

/** What is known of the WebSocket door. */
export interface Sockets {
  readonly size: number;
  /** Bytes that peers have not taken. */
  readonly bufferedBytes: number;
}

/** How exactly the delay of the event loop is measured, in ms. */
const RESOLUTION = 10;
/** After how long the delays of the event loop are forgotten, in ms. */
const WINDOW = 60_000;
/** Values of a label at most; what is beyond them is counted together, as `other`. */
const LABEL_VALUES = 100;

const quantiles = [0.5, 0.9, 0.99, 1] as const;

/** The counters of `Diagnostics` behind a metric: those whose name begins with this. */
const families = {
  handshakes: 'handshakes.',
  sessions_ended: 'sessions_ended.',
  refused: 'refused.',
  rejected: 'rejected.',
  limit_hit: 'limit_hit.',
  queue_dropped: 'queue_dropped.',
  advised: 'advised.',
  failures: 'failed.',
} as const satisfies Partial<Record<ReadableName, string>>;

export class ServerMetrics implements MetricsRegistry {
  readonly #rooms: Rooms;
  readonly #sockets: Sockets;
  #observers: readonly MetricsObserver[] = [];
  #delays: IntervalHistogram | null = null;
  #delaysSince = 0;

  constructor(rooms: Rooms, sockets: Sockets) {
    this.#rooms = rooms;
    this.#sockets = sockets;
  }

  read(): ReadonlyMap<ReadableName, readonly Sample[]> {
    const { diagnostics, sessions, channels, holds, overload, drain } = this.#rooms;
    const { received, sent } = diagnostics.traffic;
    const { heapUsed, rss } = process.memoryUsage();
    const values = new Map<ReadableName, readonly Sample[]>();
    const one = (name: ReadableName, value: number): void => {
      values.set(name, [{ labels: {}, value }]);
    };
    this.#readSessions(values);
    one('unconnected_sessions', sessions.unconnectedCount);
    one('held_connects', holds.size);
    one('websockets', this.#sockets.size);
    one('websocket_buffered', this.#sockets.bufferedBytes);
    one('channels', channels.size);
    one('overload_level', overload.level);
    one('draining', drain.isAnnounced ? 1 : 0);
    values.set('event_loop_delay', this.#readDelays());
    one('heap_used', heapUsed);
    one('resident_memory', rss);
    values.set('messages_received', labelled('type', Object.entries(received)));
    values.set('messages_sent', labelled('type', Object.entries(sent)));
    for (const [name, prefix] of Object.entries(families) as [keyof typeof families, string][])
      values.set(name, this.#family(metricSpecs[name], prefix));
    one('event_loop_active', loop.eventLoopUtilization().active / 1000);
    return values;
  }

  observe(observer: MetricsObserver): Registration {
    // A function of its own, so that one given twice is removed once.
    const own: MetricsObserver = (name, value) => observer(name, value);
    this.#set([...this.#observers, own]);
    return { remove: () => this.#set(this.#observers.filter((other) => other !== own)) };
  }

  #set(observers: readonly MetricsObserver[]): void {
    this.#observers = observers;
    const isWatched = observers.length > 0;
    this.#rooms.diagnostics.observer = isWatched ? (this.#rooms.diagnostics.observer ?? this.#observer()) : null;
    if (isWatched) {
      this.#delays ??= monitorEventLoopDelay({ resolution: RESOLUTION });
      // Begins anew when nobody observed before.
      if (this.#delays.enable()) this.#forgetDelays(this.#delays);
    } else this.#delays?.disable();
  }

  #observer(): Observer {
    const tell = (name: HistogramName, value: number): void => {
      for (const observer of this.#observers) observer(name, value);
    };
    const written = new Written(this.#rooms, (time) => tell('publish_to_deliver', time / 1000));
    return {
      published: (begun) => written.expect(begun),
      answered: (time) => tell('publish_reply', time / 1000),
      held: (time) => tell('connect_hold', time / 1000),
      taken: (count) => tell('batch_size', count),
    };
  }

  #readSessions(values: Map<ReadableName, readonly Sample[]>): void {
    const counts = new Map<string, { transport: string; state: string; count: number }>();
    let subscriptions = 0;
    let messages = 0;
    let bytes = 0;
    let most = 0;
    let unacknowledged = 0;
    for (const session of this.#rooms.sessions.list) {
      const { transport, state, queueBytes } = session;
      const key = `${transport} ${state}`;
      const known = counts.get(key);
      if (known) known.count++;
      else counts.set(key, { transport, state, count: 1 });
      subscriptions += session.subscriptionCount;
      messages += session.queue.length;
      bytes += queueBytes;
      most = Math.max(most, queueBytes);
      unacknowledged += session.unacknowledged;
    }
    // Those that may be, so that a transport whose sessions have all gone is reported as empty.
    const names = [...this.#rooms.settings.allowedTransports, 'local'];
    for (const transport of names)
      for (const state of ['handshaken', 'connected'])
        if (!counts.has(`${transport} ${state}`)) counts.set(`${transport} ${state}`, { transport, state, count: 0 });
    const samples = [...counts.values()].map(({ transport, state, count }) => ({
      labels: { transport, state },
      value: count,
    }));
    values.set('sessions', samples);
    for (const [name, value] of [
      ['subscriptions', subscriptions],
      ['queued_messages', messages],
      ['queue', bytes],
      ['queue_max', most],
      ['unacknowledged_messages', unacknowledged],
    ] as const)
      values.set(name, [{ labels: {}, value }]);
  }

  /** In seconds, without what the measuring itself takes. All 0 while nobody observes. */
  #readDelays(): readonly Sample[] {
    const delays = this.#delays;
    const samples = quantiles.map((quantile) => {
      // It starts at its lowest possible value, not at 0; empty, its maximum is 0.
      const measured = delays && delays.max > 0 ? (delays.percentile(quantile * 100) / 1e6 - RESOLUTION) / 1000 : 0;
      return { labels: { quantile: String(quantile) }, value: Math.max(measured, 0) };
    });
    if (delays && performance.now() - this.#delaysSince > WINDOW) this.#forgetDelays(delays);
    return samples;
  }

  #forgetDelays(delays: IntervalHistogram): void {
    delays.reset();
    this.#delaysSince = performance.now();
  }

  #family({ labels: [label = ''], known = [] }: MetricSpec, prefix: string): readonly Sample[] {
    const counts = new Map<string, number>(known.map((value) => [value, 0]));
    for (const [name, count] of this.#rooms.diagnostics.counters) {
      if (!name.startsWith(prefix)) continue;
      const full = name.slice(prefix.length);
      const value = counts.has(full) || counts.size < LABEL_VALUES ? full : 'other';
      counts.set(value, (counts.get(value) ?? 0) + count);
    }
    return labelled(label, [...counts]);
  }
}

/** Learns when what was published in a turn of the event loop has been written: after the flush that follows. */
class Written implements Outlet {
  dirty = false;
  readonly #rooms: Rooms;
  readonly #tell: (time: number) => void;
  #begun: number[] = [];

  constructor(rooms: Rooms, tell: (time: number) => void) {
    this.#rooms = rooms;
    this.#tell = tell;
  }

  expect(begun: number): void {
    this.#begun.push(begun);
    this.#rooms.flusher.add(this);
  }

  write(): void {
    const begun = this.#begun;
    this.#begun = [];
    this.#rooms.flusher.afterwards(() => {
      const now = performance.now();
      for (const time of begun) this.#tell(now - time);
    });
  }
}

function labelled(label: string, values: readonly (readonly [string, number])[]): readonly Sample[] {
  return values.map(([name, value]) => ({ labels: { [label]: name }, value }));
}
