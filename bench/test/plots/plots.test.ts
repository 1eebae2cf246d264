import { describe, expect, it } from 'vitest';
import { lines } from '../../src/plots/lines.ts';
import { rows } from '../../src/plots/rows.ts';
import { scaleOf } from '../../src/plots/scale.ts';

describe('scales', () => {
  it('that are linear begin at nothing and end at a round number', () => {
    const scale = scaleOf({ label: 'µs' }, [3, 17], 0, 100);
    expect(scale.marks).toEqual([
      [0, '0'],
      [25, '5'],
      [50, '10'],
      [75, '15'],
      [100, '20'],
    ]);
    expect(scale.at(10)).toBe(50);
  });

  it('that are logarithmic give each doubling as much room', () => {
    const scale = scaleOf({ label: 'ratio', isLogarithmic: true }, [0.5, 2], 0, 100);
    expect(scale.marks).toEqual([
      [0, '0.5'],
      [50, '1'],
      [100, '2'],
    ]);
  });

  it('hold what is nothing, or all the same', () => {
    expect(scaleOf({ label: 'kB' }, [0], 0, 100).at(0)).toBe(0);
    expect(scaleOf({ label: 'ratio', isLogarithmic: true }, [3], 0, 100).at(3)).toBeGreaterThanOrEqual(0);
    expect(scaleOf({ label: 'ratio', isLogarithmic: true }, [], 0, 100).marks).toHaveLength(1);
  });
});

describe('plots', () => {
  it('go through their points, with a stroke for a range', () => {
    const svg = lines({
      title: 'Cost',
      note: 'of a message',
      x: {
        label: 'subscribers',
        marks: [
          [0, '0'],
          [10, '10'],
        ],
      },
      y: { label: 'µs' },
      curves: [
        {
          name: 'ours',
          colour: '#123456',
          points: [
            { x: 0, y: 0 },
            { x: 10, y: 10, least: 5, most: 10 },
          ],
        },
      ],
    });
    expect(svg).toContain('points="64,352 710,78"');
    expect(svg).toContain('<line x1="710" y1="215" x2="710" y2="78" stroke="#123456"');
  });

  it('keep names apart where curves end at the same place', () => {
    const curve = (name: string) => ({ name, colour: '#123456', points: [{ x: 1, y: 1 }] });
    const svg = lines({
      title: '',
      note: '',
      x: { label: '' },
      y: { label: '' },
      curves: [curve('one'), curve('two')],
    });
    const heights = ['one', 'two'].map((name) => Number(new RegExp(`y="([\\d.]+)">${name}<`).exec(svg)?.[1]));
    expect(heights[1]! - heights[0]!).toBe(16);
  });

  it('escape what they are told', () => {
    const row = { name: '<b>&"', colour: '#123456', value: 1, least: 1, most: 1 };
    const svg = rows({ title: 'a<b', note: '', x: { label: '' }, groups: [{ name: '', rows: [row] }] });
    expect(svg).toContain('a&#60;b');
    expect(svg).toContain('&#60;b&#62;&#38;&#34;');
  });
});
