/** The walk through the book leaves no section out, leads to code that runs; the front door leads to every page. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const docs = path.resolve(import.meta.dirname, '../../docs');

/** How many sections each section of the walked chapters has: 6.3.6 has 6.3.6.1 to 6.3.6.5. */
const sections: Readonly<Record<string, number>> = {
  '6': 3,
  '6.1': 1,
  '6.1.1': 5,
  '6.3': 8,
  '6.3.3': 2,
  '6.3.6': 5,
  '7': 4,
  '9.3': 13,
  '9.3.2': 4,
  '9.3.3': 26,
  '9.3.5': 1,
  '9.3.6': 3,
  '9.3.8': 2,
  '9.3.13': 2,
  '9.4': 3,
  '9.4.1': 3,
  '9.5': 9,
  '9.5.7': 1,
  '9.6': 4,
  '9.7': 3,
  '9.7.1': 7,
  '9.7.2': 2,
  '10': 9,
  '10.4': 2,
  '10.5': 5,
  '10.6': 2,
  '10.7': 3,
  '10.8': 2,
  '10.9': 3,
  '11': 2,
  '11.2': 3,
};

interface Row {
  readonly section: string;
  readonly links: readonly string[];
}

async function rows(): Promise<Row[]> {
  const text = await readFile(path.join(docs, 'book.md'), 'utf8');
  return [...text.matchAll(/^\| (\d[^|]*) \| ([^|]*) \|$/gm)].map(([, section = '', here = '']) => ({
    section,
    links: [...here.matchAll(/\]\(([^)#\s]+)/g)].map(([, link = '']) => link),
  }));
}

/** The numbers a row answers: each that it names, and those of ranges such as `9.3.3.13 to 9.3.3.18`. */
function numbersOf(section: string): string[] {
  const named = [...section.matchAll(/\d+(?:\.\d+)*/g)].map(([number]) => number);
  for (const [, from = '', to = ''] of section.matchAll(/(\d[\d.]*) to (\d[\d.]*)/g)) {
    const parent = from.replace(/\d+$/, '');
    for (let last = Number(/\d+$/.exec(from)); last <= Number(/\d+$/.exec(to)); last++) named.push(parent + last);
  }
  return named;
}

describe('the walk through the book', () => {
  it('leaves no section out', async () => {
    const answered = new Set((await rows()).flatMap(({ section }) => numbersOf(section)));
    const missing: string[] = [];
    for (const [parent, count] of Object.entries(sections)) {
      for (let last = 1; last <= count; last++) {
        const number = `${parent}.${last}`;
        // A section that is only the head of others is answered by them.
        if (![...answered].some((one) => one === number || one.startsWith(`${number}.`))) missing.push(number);
      }
    }
    expect(missing).toEqual([]);
  });

  it('leads to code that runs', async () => {
    const walk = await rows();
    expect(walk.length).toBeGreaterThan(50);
    for (const { section, links } of walk) {
      const texts = await Promise.all(links.map((link) => readFile(path.join(docs, link), 'utf8')));
      expect(
        texts.some((text) => text.includes('\n```ts')),
        section,
      ).toBe(true);
    }
  });
});

describe('the front door of the documentation', () => {
  it('leads to every page', async () => {
    const door = await readFile(path.join(docs, 'README.md'), 'utf8');
    const linked = new Set([...door.matchAll(/\]\(([^)#\s]+)/g)].map(([, link]) => link));
    const pages = (await readdir(docs, { recursive: true })).filter((name) => name.endsWith('.md'));
    expect(pages.filter((page) => page !== 'README.md' && !linked.has(page))).toEqual([]);
  });
});
