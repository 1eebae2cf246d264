import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bounds, kinds, mesh, middle, middleBounds, nats, server } from '../../src/scaling/measured.ts';
import { type EngineCosts, fit, most, predict } from '../../src/scaling/model.ts';
import { backTable, endsTable, restTable, sizesTable } from '../../src/scaling/tables.ts';

const costs = { publish: 100, deliver: 10, connect: 0, every: 30, session: 10, process: 1_000 };
const everything: EngineCosts = {
  name: 'everything',
  hears: 'everything',
  send: (others) => 5 * others,
  receive: 50,
  rest: () => 0,
  interest: 0,
  links: (processes) => 2 * (processes - 1),
  mostProcesses: 20,
};
const wanted: EngineCosts = { ...everything, name: 'wanted', hears: 'what is wanted', send: () => 5, links: () => 1 };

describe('the prediction for processes', () => {
  const load = { sessions: 1_000, published: 1, heard: 4 };

  it('is what clients say and hear, for one', () => {
    expect(predict(load, costs, everything, 1)).toEqual({ processes: 1, cpu: 0.14, memory: 11_000, links: 0 });
  });

  it('counts the connects of those who say and hear nothing', () => {
    const idle = { sessions: 3_000, published: 0, heard: 0 };
    expect(predict(idle, { ...costs, connect: 50 }, everything, 1).cpu).toBeCloseTo(0.005, 9);
  });

  it('adds what they tell each other, for several', () => {
    const each = 250 * 100 + 1_000 * 10 + 250 * 15 + 750 * 50;
    const { cpu, memory, links } = predict(load, costs, everything, 4);
    expect(cpu).toBeCloseTo(each / 1e6, 9);
    expect({ memory, links }).toEqual({ memory: 1_000 + 256 * 10, links: 6 });
  });

  it('counts only processes with a subscriber, where others are not told', () => {
    const heardElsewhere = 3 * (1 - (3 / 4) ** 4);
    const each = 250 * 100 + 1_000 * 10 + 250 * 5 + 250 * heardElsewhere * 50;
    expect(predict(load, costs, wanted, 4).cpu).toBeCloseTo(each / 1e6, 9);
  });

  it('holds for messages that nobody hears, and for nobody who says anything', () => {
    expect(predict({ sessions: 10, published: 0, heard: 0 }, costs, wanted, 2).cpu).toBe(0);
    expect(predict({ sessions: 10, published: 1, heard: 0 }, costs, wanted, 2).cpu).toBeCloseTo((5 * 105) / 1e6, 9);
  });

  it('counts what it takes to be one of several', () => {
    const living = { ...wanted, rest: (processes: number) => 1_000 * (processes - 1) };
    const nobody = { sessions: 0, published: 0, heard: 0 };
    expect(predict(nobody, costs, living, 1).cpu).toBe(0);
    expect(predict(nobody, costs, living, 11).cpu).toBeCloseTo(0.01, 9);
  });

  it('weighs the channels that a process wants of others', () => {
    const knowing = { ...wanted, interest: 2 };
    const rooms = { sessions: 1_000, published: 1, heard: 4 };
    const extra = (processes: number) =>
      predict(rooms, costs, knowing, processes).memory - predict(rooms, costs, wanted, processes).memory;
    expect(extra(1)).toBe(0);
    expect(extra(2)).toBeCloseTo(250 * (1 - 1 / 16) * 2, 6);
  });
});

describe('the fewest processes', () => {
  it('are those whose CPU and memory are within bounds', () => {
    const load = { sessions: 10_000, published: 0, heard: 10 };
    expect(fit(load, costs, everything, { cpu: 0.5, memory: 1e9 })?.processes).toBe(2);
    expect(fit(load, costs, everything, { cpu: 1, memory: 51_000 + 20 })?.processes).toBe(2);
    expect(fit(load, costs, everything, { cpu: 1, memory: 900 })).toBeNull();
  });

  it('are none when hearing all others is too much for each', () => {
    const bounds = { cpu: 0.6, memory: 1e9 };
    const carries = (engine: EngineCosts) => (sessions: number) =>
      fit({ sessions, published: 1, heard: 1 }, costs, { ...engine, mostProcesses: 1_000 }, bounds) !== null;
    expect(carries(everything)(20_000)).toBe(false);
    expect(carries(wanted)(20_000)).toBe(true);
    const over = most(carries(everything)) + 12;
    expect(over).toBeLessThan(12_000);
    expect(carries(everything)(over)).toBe(false);
  });
});

describe('docs/concepts/scaling.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/concepts/scaling.md'), 'utf8');

  it('shows what the model says today', () => {
    for (const engine of [mesh, nats]) {
      expect(page).toContain(sizesTable(engine));
      expect(page).toContain(endsTable(engine));
    }
    expect(page).toContain(restTable(mesh));
    expect(page).toContain(backTable());
  });

  it('names the figures it is made with', () => {
    for (const figure of [server.publish, server.deliver, server.session, mesh.receive, mesh.mostProcesses])
      expect(page).toContain(String(figure));
    for (const figure of [nats.send(1), nats.receive, nats.interest, ...Object.values(middle)])
      expect(page).toContain(figure.toLocaleString('en'));
    for (const name of Object.keys(kinds)) expect(page).toContain(`**${name}**`);
    expect(page).toContain(`${100 * bounds.cpu} %`);
    expect(page).toContain(`${middleBounds.memory / 1_000_000} GB`);
  });
});
