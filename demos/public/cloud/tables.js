/** The distributed object in two tables: which parts each node knows, and what the parts say. */
import { make } from '/log.js';

const figure = new Intl.NumberFormat('en');

/** Rows are who knows, columns whose part it is. What is behind the owner's own word is marked. */
export function showParts(table, nodes) {
  const caption = make('caption', '', 'Versions of the parts, as each node knows them');
  const rows = nodes.map((viewer) => {
    const cells = nodes.map((owner) => {
      const known = partOf(viewer, owner.url);
      const own = partOf(owner, owner.url);
      const cell = make(
        'td',
        known && own && known.version < own.version ? 'behind' : '',
        known ? String(known.version) : '–',
      );
      if (owner === viewer) cell.classList.add('own');
      return cell;
    });
    return row(`${viewer.name} knows`, cells);
  });
  fill(
    table,
    caption,
    nodes.map(({ name }) => `part of ${name}`),
    rows,
  );
}

/** Rows are lots, columns the nodes' own parts. */
export function showBids(table, nodes, titles) {
  const caption = make('caption', '', 'The highest bids in the parts, in coins');
  const lots = new Set(nodes.flatMap((node) => Object.keys(partOf(node, node.url)?.bids ?? {})));
  const rows = [...lots]
    .map((lot) => ({ lot, amounts: nodes.map((node) => partOf(node, node.url)?.bids[lot]) }))
    .sort((one, other) => (titles[one.lot] < titles[other.lot] ? -1 : 1))
    .map(({ lot, amounts }) => {
      const most = Math.max(...amounts.filter((amount) => amount !== undefined));
      const cells = amounts.map((amount) =>
        make(
          'td',
          amount !== undefined && amount < most ? 'behind' : '',
          amount === undefined ? '–' : figure.format(amount),
        ),
      );
      return row(titles[lot] ?? lot, cells);
    });
  if (rows.length === 0) {
    const cell = make('td', 'nothing', 'No bids yet');
    cell.colSpan = nodes.length + 1;
    const only = make('tr');
    only.append(cell);
    rows.push(only);
  }
  fill(
    table,
    caption,
    nodes.map(({ name }) => name),
    rows,
  );
}

function partOf({ report }, url) {
  return report?.parts.find((part) => part.url === url);
}

function row(title, cells) {
  const line = make('tr');
  const head = make('th', '', title);
  head.scope = 'row';
  line.append(head, ...cells);
  return line;
}

function fill(table, caption, columns, rows) {
  const head = make('thead');
  const line = make('tr');
  line.append(
    make('td'),
    ...columns.map((title) => {
      const cell = make('th', '', title);
      cell.scope = 'col';
      return cell;
    }),
  );
  head.append(line);
  const body = make('tbody');
  body.append(...rows);
  table.replaceChildren(caption, head, body);
}
