/** The port of the clients, and who gets those that come. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { BayeuxServer } from '@cometd-ts/server';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Bounds, Reception, type Taker } from '../../src/workers/reception.ts';

/** A worker that takes what it is given when the test says so, and greets who comes by its name. */
class Desk implements Taker {
  readonly name: string;
  readonly #reception: Reception;
  given: Socket | null = null;
  failed: () => void = () => undefined;

  constructor(name: string, reception: Reception) {
    this.name = name;
    this.#reception = reception;
  }

  give(connection: Socket, failed: () => void): void {
    this.given = connection;
    this.failed = failed;
  }

  /** In one process there is one socket: what is said to it is said before the reception lets go of it. */
  async take(): Promise<void> {
    await vi.waitFor(() => expect(this.given).not.toBeNull());
    this.given?.end(this.name);
    this.given = null;
    this.#reception.taken(this);
  }
}

async function opened(bounds?: Bounds) {
  const warn = vi.fn();
  const logger = { debug: warn, info: warn, warn, error: warn };
  const reception = new Reception(new BayeuxServer({ logger }).diagnostics, bounds);
  const port = await reception.open({ port: 0, host: '127.0.0.1', choice: '--port' });
  onTestFinished(() => reception.close());
  /** Comes; resolves with what it hears until it is sent away. */
  const come = async (): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (text) => {
      heard += text;
    });
    await once(socket, 'close');
    return heard;
  };
  const desks = ['a', 'b', 'c'].map((name) => new Desk(name, reception)) as [Desk, Desk, Desk];
  return { reception, port, come, desks, warn };
}

describe('the reception', () => {
  it('gives each worker one connection at a time, in turn', async () => {
    const { reception, come, desks } = await opened();
    const [a, b, c] = desks;
    for (const desk of desks) reception.admit(desk);
    const visits = Array.from({ length: 5 }, come);
    for (const desk of [b, a, c, b, a]) await desk.take();
    expect((await Promise.all(visits)).sort()).toEqual(['a', 'a', 'b', 'b', 'c']);
    expect(c.given).toBeNull();
  });

  it('gives what was not taken to another one, before all that came later', async () => {
    const { reception, come, desks } = await opened();
    const [a, b] = desks;
    reception.admit(a);
    const first = come();
    await vi.waitFor(() => expect(a.given).not.toBeNull());
    const second = come();
    reception.dismiss(a);
    reception.admit(b);
    await b.take();
    expect(await first).toBe('b');
    await b.take();
    expect(await second).toBe('b');
  });

  it('gives nothing any more to whom nothing can be given', async () => {
    const { reception, come, desks } = await opened();
    const [a, b] = desks;
    for (const desk of [a, b]) reception.admit(desk);
    const visit = come();
    await vi.waitFor(() => expect(a.given).not.toBeNull());
    a.failed();
    await b.take();
    expect(await visit).toBe('b');
    const next = come();
    await b.take();
    expect(await next).toBe('b');
    // It is late with it.
    reception.taken(a);
  });

  it('gives what got lost on the way to another one, or again to the same, but not for ever', async () => {
    const { reception, come, desks, warn } = await opened({ most: 10, patience: 300 });
    const [a, b] = desks;
    for (const desk of [a, b]) reception.admit(desk);
    const first = come();
    await vi.waitFor(() => expect(reception.owes(a)).toBe(true));
    reception.missed(a);
    expect(reception.owes(a)).toBe(false);
    await b.take();
    expect(await first).toBe('b');
    reception.dismiss(b);
    const second = come();
    let isGone = false;
    void second.then(() => {
      isGone = true;
    });
    await vi.waitFor(() => {
      reception.missed(a);
      expect(isGone).toBe(true);
    });
    expect(await second).toBe('');
    expect(warn).toHaveBeenCalledWith('Connections are closed unserved: 1 that no worker has taken');
  });

  it('lets connections wait while there is nobody, but not for ever', async () => {
    const { reception, come, desks, warn } = await opened({ most: 10, patience: 30 });
    const [a] = desks;
    expect(await Promise.all([come(), come()])).toEqual(['', '']);
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/^Connections are closed unserved: [12] that no worker/));
    const patient = come();
    reception.admit(a);
    await a.take();
    expect(await patient).toBe('a');
  });

  it('lets no more of them wait than it may', async () => {
    const { reception, come, desks, warn } = await opened({ most: 2, patience: 60_000 });
    const [a] = desks;
    const visits = [come(), come(), come()];
    expect(await Promise.race(visits)).toBe('');
    expect(warn).toHaveBeenCalledWith('A connection is closed unserved: 2 wait for a worker already');
    reception.admit(a);
    await a.take();
    await a.take();
    expect((await Promise.all(visits)).sort()).toEqual(['', 'a', 'a']);
  });

  it('closes what waits when it closes, and is not there any more', async () => {
    const { reception, port, come, desks } = await opened({ most: 1, patience: 60_000 });
    reception.admit(desks[0]);
    const visits = [come(), come(), come()];
    // One is given, one waits, and one is too many.
    await Promise.race(visits);
    reception.close();
    expect(await Promise.all(visits)).toEqual(['', '', '']);
    const [refusal] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    expect(refusal.code).toBe('ECONNREFUSED');
  });
});
