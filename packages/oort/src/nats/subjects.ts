/** Names on NATS: of channels, nodes, addresses and buckets, all under the namespace of one cloud. */

/** A subject is one line of a protocol whose lines may have 4096 bytes, numbers and a reply subject among them. */
const MAX_SUBJECT = 3072;

/** The subjects of one cloud. Two clouds of different namespaces on one NATS do not see each other. */
export class Subjects {
  readonly namespace: string;
  /** What the subjects of channels begin with. */
  readonly channelPrefix: string;

  /** Throws `RangeError` for a namespace that is no single token. Without `_`, because that separates it from the names of buckets. */
  constructor(namespace: string) {
    if (typeof namespace !== 'string' || !/^[A-Za-z0-9-]{1,64}$/.test(namespace))
      throw new RangeError(`A namespace is 1 to 64 letters, digits and hyphens, not '${namespace}' (option namespace)`);
    this.namespace = namespace;
    this.channelPrefix = `${namespace}.ch.`;
  }

  /** Where messages of a channel travel, or of the channels a pattern matches. Throws `RangeError` when the name is too long. */
  channel(name: string): string {
    return short(this.channelPrefix + encodeChannel(name), name);
  }

  /** The channel whose messages travel there: the opposite of `channel`. */
  channelOf(subject: string): string {
    return decodeChannel(subject.slice(this.channelPrefix.length));
  }

  /** Where a node hears what is meant for it alone. */
  node(id: string): string {
    return `${this.namespace}.to.${encodeKey([id])}`;
  }

  /** Where a node says that it lives, and what it observes. */
  heartbeat(id: string): string {
    return `${this.namespace}.hb.${encodeKey([id])}`;
  }

  /** Heartbeats of all nodes. */
  get heartbeats(): string {
    return `${this.namespace}.hb.*`;
  }

  /** Which node a heartbeat comes from. */
  nodeOf(subject: string): string {
    return decodeKey(subject.slice(subject.lastIndexOf('.') + 1))[0] as string;
  }

  /** Where an address is served. Throws `RangeError` for an empty text, and when it is too long. */
  address(address: readonly string[]): string {
    return short(`${this.namespace}.at.${encodeKey(address)}`, address.join(' '));
  }

  /** What a bucket is called. Bytes that such a name cannot have are `_HH`. */
  bucket(name: string): string {
    if (name === '') throw new RangeError('A bucket needs a name');
    return `${this.namespace}_${escaped(name, '_', /^[A-Za-z0-9-]$/)}`;
  }
}

/** The tokens of a channel or pattern: what no token may have is `%HH`, a last `*` stays, a last `**` is `>`. */
export function encodeChannel(name: string): string {
  const segments = name.slice(1).split('/');
  if (!name.startsWith('/') || segments.includes('')) throw new RangeError(`${JSON.stringify(name)} is not a channel`);
  const last = segments.length - 1;
  return segments
    .map((segment, index) => {
      if (index === last && segment === '*') return '*';
      if (index === last && segment === '**') return '>';
      return escaped(segment, '%', /^[A-Za-z0-9\-_!~()$@]$/);
    })
    .join('.');
}

export function decodeChannel(tokens: string): string {
  const path = tokens.replaceAll('.', '/');
  const name = path === '>' || path.endsWith('/>') ? `${path.slice(0, -1)}**` : path;
  return `/${unescaped(name, '%')}`;
}

/** A list of texts as one key of a bucket, or the end of a subject. Throws `RangeError` for an empty text. */
export function encodeKey(texts: readonly string[]): string {
  if (texts.length === 0 || texts.includes(''))
    throw new RangeError('A key or address is a list of texts, none of them empty');
  return texts.map((text) => escaped(text, '=', /^[A-Za-z0-9_-]$/)).join('.');
}

export function decodeKey(key: string): string[] {
  return key.split('.').map((token) => unescaped(token, '='));
}

function short(subject: string, name: string): string {
  if (subject.length <= MAX_SUBJECT) return subject;
  throw new RangeError(`Too long a name for NATS, which takes ${MAX_SUBJECT} bytes: ${name.slice(0, 80)}…`);
}

/** Letters, digits and the like need no escape at all; that is most names. */
const plain = /^[A-Za-z0-9-]*$/;

/** All but the legal characters as the bytes of UTF-8, each in hexadecimal after `mark`. Halves of surrogate pairs survive, too. */
function escaped(text: string, mark: string, legal: RegExp): string {
  if (plain.test(text)) return text;
  let result = '';
  for (const character of text) {
    if (legal.test(character)) result += character;
    else for (const byte of bytesOf(character.codePointAt(0) as number)) result += mark + hex(byte);
  }
  return result;
}

function unescaped(text: string, mark: '%' | '='): string {
  if (!text.includes(mark)) return text;
  return text.replace(mark === '%' ? /(?:%[0-9A-F]{2})+/g : /(?:=[0-9A-F]{2})+/g, (run) =>
    textOf(
      run
        .split(mark)
        .slice(1)
        .map((digits) => Number.parseInt(digits, 16)),
    ),
  );
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}

function bytesOf(point: number): number[] {
  const tail = (shift: number): number => 0x80 | ((point >> shift) & 0x3f);
  if (point < 0x80) return [point];
  if (point < 0x800) return [0xc0 | (point >> 6), tail(0)];
  if (point < 0x1_0000) return [0xe0 | (point >> 12), tail(6), tail(0)];
  return [0xf0 | (point >> 18), tail(12), tail(6), tail(0)];
}

/** What `bytesOf` has made of characters. Other bytes are somebody else's, and give whatever they give. */
function textOf(bytes: readonly number[]): string {
  let text = '';
  for (let index = 0; index < bytes.length; index++) {
    const first = bytes[index] as number;
    const more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    let point = more === 0 ? first : first & (0x3f >> more);
    for (let count = 0; count < more; count++) point = (point << 6) | ((bytes[++index] ?? 0) & 0x3f);
    text += point > 0x10_ffff ? '\uFFFD' : String.fromCodePoint(point);
  }
  return text;
}
