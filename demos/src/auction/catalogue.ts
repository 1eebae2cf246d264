/** What is under the hammer. Every node has the same catalogue, so it need not travel between them. */

export interface Lot {
  readonly id: string;
  readonly category: string;
  readonly title: string;
  readonly about: string;
  /** The first bid must reach this; whole coins. */
  readonly start: number;
}

export interface Category {
  readonly id: string;
  readonly title: string;
}

export const categories: readonly Category[] = [
  { id: 'sky', title: 'From the sky' },
  { id: 'sea', title: 'From the sea' },
  { id: 'workshop', title: 'From the workshop' },
  { id: 'attic', title: 'From the attic' },
];

export const lots: readonly Lot[] = [
  lot(
    'sky',
    'meteorite',
    'Slice of meteorite',
    'Iron and nickel, polished on one side. It fell on a cabbage field in 1911.',
    240,
  ),
  lot(
    'sky',
    'star-map',
    'Star map on linen',
    'The northern sky, printed in two blues. One comet was added by hand.',
    90,
  ),
  lot('sky', 'orrery', 'Brass orrery', 'Six planets and their moons, turned by a crank. Saturn is a little late.', 480),
  lot('sea', 'bottle-ship', 'Ship in a bottle', 'Three masts, eleven sails, and a cat at the helm.', 60),
  lot(
    'sea',
    'lighthouse-lens',
    'Lens of a lighthouse',
    'Cut glass, as tall as a child. It was seen from nineteen miles.',
    750,
  ),
  lot('sea', 'tide-clock', 'Tide clock', 'Shows high water at a harbour that is not named on it.', 130),
  lot(
    'workshop',
    'typewriter',
    'Travelling typewriter',
    'Green, with its case. All letters work; the question mark is shy.',
    110,
  ),
  lot(
    'workshop',
    'violin',
    'Unfinished violin',
    'Spruce and maple, no strings yet, and the maker’s pencil marks inside.',
    320,
  ),
  lot('workshop', 'kite', 'Dragon kite', 'Silk on bamboo, four metres of tail. Flies in the lightest wind.', 45),
  lot('attic', 'music-box', 'Music box', 'Plays a waltz, and on Sundays another one. Nobody knows why.', 75),
  lot(
    'attic',
    'globe',
    'Globe with a missing island',
    'From 1898. Somebody has scratched an island away, with care.',
    180,
  ),
  lot('attic', 'letters', 'Tin of letters', 'Forty-one letters between two lighthouse keepers who never met.', 30),
];

const byId: ReadonlyMap<string, Lot> = new Map(lots.map((one) => [one.id, one]));

export function lotOf(id: unknown): Lot | undefined {
  return typeof id === 'string' ? byId.get(id) : undefined;
}

function lot(category: string, id: string, title: string, about: string, start: number): Lot {
  return { id, category, title, about, start };
}
