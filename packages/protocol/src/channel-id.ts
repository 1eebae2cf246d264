/** Channel names: which are legal, what kind they are, which wildcards match them, and how templates bind. */

/** Marks the characters a name may consist of: letters, digits, space and ! # $ ( ) * + - . / @ _ { ~ } */
const legal: Uint8Array = tableOf(' !#$()*+-./@_{~}0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');
/** Marks the characters of a template variable's name. */
const variable: Uint8Array = tableOf('_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');

const space = 0x20;
const star = 0x2a;
const slash = 0x2f;
const openBrace = 0x7b;
const closeBrace = 0x7d;

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (let index = 0; index < characters.length; index++) table[characters.charCodeAt(index)] = 1;
  return table;
}

/** How a name is read. */
export interface ChannelIdOptions {
  /** Takes names with characters outside the Bayeux set, as a server that does not validate fields must. Default false. */
  readonly anyCharacter?: boolean;
}

/** What a name's last or any segment makes of it. */
type Kind = 'plain' | 'shallow' | 'deep' | 'template';

/**
 * A legal channel name, such as `/news/sport`, `/news/*`, `/news/**` or the template `/news/{category}`.
 *
 * Names are never normalised, because two spellings of one channel let one of them past a check: `/a/`, ` /a` and
 * `/a//b` are illegal. So are segments with a space at an end, which other servers trim.
 */
export class ChannelId {
  readonly id: string;
  readonly #kind: Kind;
  #segments: readonly string[] | undefined;
  #parameters: readonly string[] | undefined;
  #wilds: readonly string[] | undefined;
  #lineage: readonly string[] | undefined;
  #parent: ChannelId | null | undefined;

  /** Reads a name in linear time. Throws `RangeError` with the reason when it is not legal. */
  constructor(name: string, options: ChannelIdOptions = {}) {
    const problem = problemOf(name, options.anyCharacter !== true);
    if (problem !== undefined) throw new RangeError(`${JSON.stringify(name)} is not a channel: ${problem}`);
    this.id = name;
    this.#kind = kindOf(name);
  }

  /** Says why a name is not legal; undefined when it is. Takes linear time and allocates nothing for a legal name. */
  static problem(name: string, options: ChannelIdOptions = {}): string | undefined {
    return problemOf(name, options.anyCharacter !== true);
  }

  /** What stands between the slashes: `news` and `sport` of `/news/sport`. */
  get segments(): readonly string[] {
    this.#segments ??= segmentsOf(this.id);
    return this.#segments;
  }

  /** Number of segments. */
  get depth(): number {
    return this.segments.length;
  }

  get isMeta(): boolean {
    return this.id.startsWith('/meta/');
  }

  get isService(): boolean {
    return this.id.startsWith('/service/');
  }

  get isBroadcast(): boolean {
    return !this.isMeta && !this.isService;
  }

  get isWild(): boolean {
    return this.#kind === 'shallow' || this.#kind === 'deep';
  }

  /** Ends in `/*`: matches names of the same depth. */
  get isShallowWild(): boolean {
    return this.#kind === 'shallow';
  }

  /** Ends in `/**`: matches names of at least the same depth. */
  get isDeepWild(): boolean {
    return this.#kind === 'deep';
  }

  /** Has at least one segment of the form `{name}`. */
  get isTemplate(): boolean {
    return this.#kind === 'template';
  }

  /** Names of the template variables, from left to right. */
  get parameters(): readonly string[] {
    this.#parameters ??= this.isTemplate ? this.segments.filter(isVariable).map(variableName) : [];
    return this.#parameters;
  }

  /** Wildcards that match this name, the most specific first: `/a/b` has `/a/*`, `/a/**` and `/**`. */
  get wilds(): readonly string[] {
    this.#wilds ??= wildsOf(this.id, this.#kind, this.regularPart ?? '');
    return this.#wilds;
  }

  /** From `/**` down to the name itself: the order in which authorizers, listeners and subscribers are asked. */
  get lineage(): readonly string[] {
    this.#lineage ??= [...this.wilds.toReversed(), this.id];
    return this.#lineage;
  }

  /** What stands before the wildcard or the first variable: `/a` of `/a/*` and of `/a/{b}/c`; null if nothing does. */
  get regularPart(): string | null {
    if (this.#kind === 'plain') return this.id;
    const count = this.isWild ? this.depth - 1 : this.segments.findIndex(isVariable);
    return count === 0 ? null : `/${this.segments.slice(0, count).join('/')}`;
  }

  /**
   * Whether this name, as a pattern, covers another. Wildcard names are covered only by themselves. A template is
   * no pattern here: it equals itself, and `bind` tells what it fits.
   */
  matches(other: ChannelId): boolean {
    if (!this.isWild || other.isWild) return this.id === other.id;
    const deep = this.isDeepWild;
    if (deep ? other.depth < this.depth : other.depth !== this.depth) return false;
    const head = this.id.length - (deep ? 2 : 1);
    return other.id.length >= head && other.id.startsWith(this.id.slice(0, head));
  }

  /**
   * The values a plain name gives to this template's variables: `/news/{category}` binds `/news/sport` to
   * `category` → `sport`. Undefined when it does not fit; a variable that occurs twice must have one value.
   */
  bind(target: ChannelId): Map<string, string> | undefined {
    if (!this.isTemplate || target.isTemplate || target.isWild || target.depth !== this.depth) return undefined;
    const values = new Map<string, string>();
    for (const [index, segment] of this.segments.entries()) {
      const value = target.segments[index] as string;
      if (!isVariable(segment)) {
        if (segment !== value) return undefined;
        continue;
      }
      const name = variableName(segment);
      if ((values.get(name) ?? value) !== value) return undefined;
      values.set(name, value);
    }
    return values;
  }

  /** The name without its last segment; null for names of one segment. */
  get parent(): ChannelId | null {
    if (this.#parent === undefined) {
      const cut = this.id.lastIndexOf('/');
      this.#parent = cut === 0 ? null : new ChannelId(this.id.slice(0, cut), { anyCharacter: true });
    }
    return this.#parent;
  }

  /** Whether the other name is this one and one more segment. False for wildcards. */
  isParentOf(other: ChannelId): boolean {
    return other.depth === this.depth + 1 && this.isAncestorOf(other);
  }

  /** Whether the other name is this one and more segments. False for wildcards. */
  isAncestorOf(other: ChannelId): boolean {
    return !this.isWild && other.id.charCodeAt(this.id.length) === slash && other.id.startsWith(this.id);
  }

  toString(): string {
    return this.id;
  }
}

/** One pass over the characters; a segment is judged at the slash or the end that closes it. */
function problemOf(name: string, checkCharacters: boolean): string | undefined {
  if (name.length < 2) return 'it is shorter than two characters';
  if (name.charCodeAt(0) !== slash) return 'it does not start with a slash';
  let start = 1;
  let template = false;
  for (let index = 1; index <= name.length; index++) {
    const unit = index === name.length ? slash : name.charCodeAt(index);
    if (unit !== slash) {
      if (checkCharacters && (unit > 127 || legal[unit] === 0)) return `character ${index + 1} is not allowed`;
      continue;
    }
    if (index === start) return 'it has an empty segment';
    if (name.charCodeAt(start) === space || name.charCodeAt(index - 1) === space) {
      return 'a segment begins or ends with a space';
    }
    if (isWildSegment(name, start, index)) {
      if (index < name.length) return 'a wildcard is not its last segment';
      if (template) return 'it has both a variable and a wildcard';
    }
    template ||= isVariableSegment(name, start, index);
    start = index + 1;
  }
  return undefined;
}

/** Whether the segment is `*` or `**`. */
function isWildSegment(name: string, start: number, end: number): boolean {
  if (name.charCodeAt(start) !== star || end - start > 2) return false;
  return end - start === 1 || name.charCodeAt(start + 1) === star;
}

/** Whether the segment is `{name}`. */
function isVariableSegment(name: string, start: number, end: number): boolean {
  if (name.charCodeAt(start) !== openBrace || name.charCodeAt(end - 1) !== closeBrace || end - start < 3) return false;
  for (let index = start + 1; index < end - 1; index++) {
    const unit = name.charCodeAt(index);
    if (unit > 127 || variable[unit] === 0) return false;
  }
  return true;
}

function isVariable(segment: string): boolean {
  return isVariableSegment(segment, 0, segment.length);
}

function variableName(segment: string): string {
  return segment.slice(1, -1);
}

function segmentsOf(name: string): string[] {
  return name.slice(1).split('/');
}

function kindOf(name: string): Kind {
  if (name.endsWith('/*')) return 'shallow';
  if (name.endsWith('/**')) return 'deep';
  return name.includes('/{') && segmentsOf(name).some(isVariable) ? 'template' : 'plain';
}

/**
 * The shallow wildcard stands for a plain last segment; a deep one for every rest of the name. A variable cannot
 * stand before a wildcard, so nothing beyond the regular part can.
 */
function wildsOf(name: string, kind: Kind, regularPart: string): readonly string[] {
  const wilds: string[] = [];
  let head = withoutLast(name);
  if (kind === 'plain' || (kind === 'template' && head === regularPart)) wilds.push(`${head}/*`);
  if (kind === 'deep') {
    if (head === '') return wilds;
    head = withoutLast(head);
  }
  for (; ; head = withoutLast(head)) {
    if (head.length <= regularPart.length) wilds.push(`${head}/**`);
    if (head === '') return wilds;
  }
}

function withoutLast(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}
