/** What people type, made fit for others to read: every input is unknown here, and bounded text after it. */

/** Longest name, message and key, in UTF-16 code units. */
export const longest = { name: 24, room: 24, text: 1000, key: 40, token: 64 } as const;

// Controls, and the marks that make text run backwards or disappear: nobody's name may rearrange somebody else's line.
const invisible = /[\p{Cc}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** A name on one line, without what cannot be seen; undefined when nothing is left or it is too long. */
export function nameFrom(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 200) return undefined;
  const name = value.replace(invisible, ' ').normalize('NFC').replace(/\s+/g, ' ').trim();
  return name !== '' && name.length <= longest.name ? name : undefined;
}

/** A room's name is one segment of a channel: lower-case letters, digits and hyphens. */
export function roomFrom(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > longest.room) return undefined;
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(value) ? value : undefined;
}

/** A message; lines are kept, other controls are not. */
export function textFrom(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > longest.text) return undefined;
  const lines = value.split(/\r\n?|\n/).map((line) => line.replace(invisible, ' ').trimEnd());
  return lines.join('\n').trim() || undefined;
}

/** What a page calls its message or itself: letters, digits and hyphens. */
export function keyFrom(value: unknown, most: number = longest.key): string | undefined {
  if (typeof value !== 'string' || value.length > most) return undefined;
  return /^[\w-]{8,}$/.test(value) ? value : undefined;
}

/** The fields of an object that came from outside; nothing for everything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
