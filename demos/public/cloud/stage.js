/** The stage: nodes as comets, and a line for each direction of each link. */

const svg = 'http://www.w3.org/2000/svg';
const places = [
  { x: 320, y: 92 },
  { x: 130, y: 284 },
  { x: 510, y: 284 },
];
/** Where NATS is, when there is one. */
const hub = { x: 320, y: 250 };
/** How far links end from the middle of a node, or from that above its name, and how far they bend. */
const shape = { gap: 50, name: 92, bend: 20 };

export class Stage {
  #links;
  #comets;
  #text;

  constructor(stage) {
    this.#links = stage.querySelector('#links');
    this.#comets = stage.querySelector('#comets');
    this.#text = stage.querySelector('desc');
    const stars = stage.querySelector('#stars');
    // Always the same sky.
    let seed = 7;
    const next = () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    for (let n = 0; n < 46; n++)
      stars.append(
        draw('circle', { cx: next() * 640, cy: next() * 400, r: 0.6 + next(), opacity: 0.25 + next() * 0.5 }),
      );
  }

  show(nodes, engine) {
    this.#links.replaceChildren();
    const words = engine === 'nats' ? this.#throughHub(nodes) : this.#between(nodes);
    this.#comets.replaceChildren(...nodes.map((node, place) => this.#comet(node, places[place], place)));
    this.#text.textContent = [...nodes.map(inWords), ...words].join(' ');
  }

  /** Everybody to everybody. Answers what is wrong, in words. */
  #between(nodes) {
    const words = [];
    nodes.forEach((from, a) => {
      nodes.forEach((to, b) => {
        if (a === b) return;
        const state = linkState(from, to);
        this.#links.append(draw('path', { d: curve(places[a], places[b]), class: `link ${state}` }));
        if (state === 'broken') words.push(`${from.name} cannot reach ${to.name}.`);
      });
    });
    return words;
  }

  /** Everybody to NATS, in the middle. */
  #throughHub(nodes) {
    const words = [];
    nodes.forEach(({ name, report }, place) => {
      if (!report) return;
      const isUp = report.status !== 'down';
      this.#links.append(draw('path', { d: line(places[place], hub), class: `link ${isUp ? 'up' : 'broken'}` }));
      if (!isUp) words.push(`${name} cannot reach NATS.`);
    });
    const group = draw('g', { class: 'hub', transform: `translate(${hub.x} ${hub.y})` });
    const title = draw('text', { y: 5 });
    title.textContent = 'NATS';
    group.append(draw('rect', { x: -34, y: -18, width: 68, height: 36, rx: 18 }), title);
    this.#links.append(group);
    return words;
  }

  #comet({ name, url, life, report }, { x, y }, place) {
    const life_ = report?.isOpen ? 'open' : life === 'killed' || life === 'ended' ? 'gone' : 'warming';
    const group = draw('g', { class: `comet ${life_} node-${place}`, transform: `translate(${x} ${y})` });
    group.append(
      draw('circle', { r: 62, fill: 'url(#glow)', class: 'shine' }),
      draw('circle', { r: 22, class: 'head' }),
    );
    const people = report?.bidders ?? [];
    people.slice(0, 12).forEach((_, n) => {
      const angle = (n / Math.min(12, people.length)) * 2 * Math.PI - Math.PI / 2;
      group.append(draw('circle', { cx: 34 * Math.cos(angle), cy: 34 * Math.sin(angle), r: 4.5, class: 'person' }));
    });
    const count = draw('text', { y: 6, class: 'count' });
    count.textContent = report ? String(people.length) : '–';
    const title = draw('text', { y: 66, class: 'name' });
    title.textContent = name;
    const port = draw('text', { y: 84, class: 'port' });
    port.textContent = life_ === 'gone' ? (life === 'killed' ? 'killed' : 'not running') : `port ${new URL(url).port}`;
    group.append(count, title, port);
    return group;
  }
}

/** What `from` says of its link to `to`. */
function linkState(from, to) {
  const link = from.report?.links.find(({ url }) => url === to.url);
  if (!link || link.out === 'none') return 'none';
  if (link.out !== 'up') return 'broken';
  return link.in === 'joined' ? 'up' : 'half';
}

/** Bent to the left of its way, so that there and back do not lie on each other. */
function curve(a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy);
  const [ux, uy] = [dx / length, dy / length];
  const [mx, my] = [(a.x + b.x) / 2 + uy * shape.bend, (a.y + b.y) / 2 - ux * shape.bend];
  const start = [a.x + ux * shape.gap + uy * 6, a.y + uy * shape.gap - ux * 6];
  const end = [b.x - ux * shape.gap + uy * 6, b.y - uy * shape.gap - ux * 6];
  return `M${start.join(' ')}Q${mx} ${my} ${end.join(' ')}`;
}

/** Straight, from beside a node, or from below its name, to the hub. */
function line(a, b) {
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  const part = (a.y < b.y ? shape.name : shape.gap) / length;
  return `M${a.x + (b.x - a.x) * part} ${a.y + (b.y - a.y) * part}L${b.x} ${b.y}`;
}

function inWords({ name, life, report }) {
  if (!report) return `${name} is ${life === 'starting' ? 'starting' : 'not running'}.`;
  const { length } = report.bidders;
  return `${name} has ${length === 1 ? 'one bidder' : `${length} bidders`} and knows ${report.members.length} other nodes.`;
}

function draw(tag, attributes) {
  const node = document.createElementNS(svg, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}
