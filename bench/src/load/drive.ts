/** Drives the clients of one scenario: who publishes when, what is counted, what is timed. */
import { FIRST_SESSIONS } from '../scenarios.ts';
import { chatOf, now } from './chatter.ts';
import { type Circumstances, Counter, connectMany, type Driver, onLost, routeOf, STALLED } from './driver.ts';
import { FanOut } from './fan-out.ts';

/** Every client publishes again as soon as its last publish was answered. */
class Replies extends Counter implements Driver {
  readonly #given: Circumstances;
  readonly #starts: (() => void)[] = [];
  #repliedAt = 0;

  constructor(given: Circumstances) {
    super();
    this.#given = given;
  }

  async setUp(): Promise<void> {
    const { connect, scenario, port } = this.#given;
    await connectMany(scenario.clients, async (index) => {
      let sent = 0;
      const publish = (): void => {
        sent = now();
        peer.publish(sent, 1);
      };
      const onReply = (): void => {
        this.done++;
        this.#repliedAt = now();
        this.record(this.#repliedAt - sent);
        publish();
      };
      const peer = await connect({
        route: routeOf(scenario, port, index),
        chat: chatOf(scenario),
        subscribes: false,
        onMessages: () => undefined,
        onReply,
        onLost,
      });
      this.#starts.push(publish);
    });
  }

  start(): void {
    for (const start of this.#starts) start();
  }

  check(): void {
    if (now() - this.#repliedAt >= STALLED) throw new Error('The traffic stalled: no reply for two seconds');
  }
}

/** Clients connect, subscribe and stay. */
class Idle extends Counter implements Driver {
  readonly #given: Circumstances;

  constructor(given: Circumstances) {
    super();
    this.#given = given;
  }

  async setUp(first: boolean): Promise<void> {
    const { connect, scenario, port } = this.#given;
    const count = first ? Math.min(FIRST_SESSIONS, scenario.clients) : scenario.clients;
    await connectMany(count, async (index) => {
      await connect({
        route: routeOf(scenario, port, index),
        subscribes: true,
        onMessages: () => undefined,
        onReply: () => undefined,
        onLost,
      });
      this.done++;
    });
  }
}

export function driverOf(given: Circumstances): Driver {
  switch (given.scenario.kind) {
    case 'reply':
      return new Replies(given);
    case 'idle':
      return new Idle(given);
    case 'fan-out':
      return new FanOut(given);
  }
}
