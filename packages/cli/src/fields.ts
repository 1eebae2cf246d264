/** Fields of the configuration that are not options of the server: read with their kinds, refused by their names. */
import { suggestion } from '@cometd-ts/server';
import { Complaint } from './complaint.ts';

export type Kind = 'text' | 'number' | 'boolean' | 'list' | 'object';
export type Values = Readonly<Record<string, unknown>>;

/** Parameters of Java nodes that mean nothing here: accepted, so that configurations can be reused. */
const withoutMeaning: ReadonlySet<string> = new Set([
  'clientDebug',
  'clientTransportFactories',
  'jsonContext',
  'protocol',
]);

export function objectOf(name: string, value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Complaint(`'${name}' in the configuration must be an object`);
}

/** The values of one object in the configuration. Throws `Complaint` for names it does not have, and for values of another kind. */
export function read(place: string, known: Readonly<Record<string, Kind>>, values: Values): Record<string, unknown> {
  const checked: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(values)) {
    const name = given.replace(/^ws\./, '');
    if (value === undefined || withoutMeaning.has(name)) continue;
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!kind) {
      const near = suggestion(name, Object.keys(known));
      throw new Complaint(`'${place}' in the configuration has no '${printed(given)}'${near}`);
    }
    checked[name] = typed(`${place}.${name}`, kind, value);
  }
  return checked;
}

function printed(name: string): string {
  return name.slice(0, 100);
}

/** Texts are read as what is wanted, as with the options of the server. What is wrong is not shown: it may be the secret. */
function typed(name: string, kind: Kind, value: unknown): unknown {
  switch (kind) {
    case 'text':
      if (typeof value === 'string' && value !== '') return value;
      throw new Complaint(`'${name}' must be a text`);
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      if (typeof number === 'number' && Number.isFinite(number)) return number;
      throw new Complaint(`'${name}' must be a number`);
    }
    case 'boolean':
      if (value === true || value === 'true') return true;
      if (value === false || value === 'false') return false;
      throw new Complaint(`'${name}' must be true or false`);
    case 'list': {
      const list =
        typeof value === 'string'
          ? value
              .split(',')
              .map((one) => one.trim())
              .filter(Boolean)
          : value;
      if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list;
      throw new Complaint(`'${name}' must be a list of texts`);
    }
    case 'object':
      return objectOf(name, value);
  }
}
