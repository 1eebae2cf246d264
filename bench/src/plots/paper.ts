/** What all plots have in common: an SVG that stands alone or in a page, in light and dark, and a colour for each server. */
import type { ServerName } from '../scenarios.ts';

export const WIDTH = 860;

/** Told apart by most eyes, and next to a label each. */
export const colours: Readonly<Record<ServerName, string>> = {
  ours: '#1d72d8',
  'ours-full': '#7fb2ee',
  java: '#d9480f',
  'java-small': '#f2a33a',
  'socket.io': '#2b8a3e',
  faye: '#8b46c9',
  'cometd-nodejs-server': '#d6336c',
  uws: '#5f7186',
  c: '#98a6b5',
  floor: '#b59f7c',
};

const style = `
  svg.plot { font: 13px system-ui, -apple-system, sans-serif; --ink: #16202c; --quiet: #586472; --line: #dfe4ea; --paper: #fff; }
  @media (prefers-color-scheme: dark) { svg.plot { --ink: #e6ebf2; --quiet: #9aa6b5; --line: #2c3540; --paper: #12171e; } }
  .plot text { fill: var(--ink); }
  .plot .title { font-size: 16px; font-weight: 650; }
  .plot .quiet { fill: var(--quiet); font-size: 12px; }
  .plot .strong { font-weight: 650; }
  .plot .grid { stroke: var(--line); }
  .plot .rule { stroke: var(--ink); stroke-dasharray: 3 3; }
  .plot .halo { stroke: var(--paper); stroke-width: 1.5; }`;

/** An SVG of this height with a title above; `note` says in a line how to read it. */
export function paper(title: string, note: string, height: number, parts: readonly string[]): string {
  return [
    `<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${style}\n</style>`,
    text(0, 18, title, 'title'),
    text(0, 38, note, 'quiet'),
    ...parts,
    '</svg>',
  ].join('\n');
}

export type Anchor = 'start' | 'middle' | 'end';

export function text(x: number, y: number, words: string, kind = '', anchor: Anchor = 'start'): string {
  return `<text x="${x}" y="${y}"${kind && ` class="${kind}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escaped(words)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, style: string): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" ${style}/>`;
}

/** Text as SVG and HTML can have it. */
export function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}
