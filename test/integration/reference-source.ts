/** Reads the sources for the reference pages: what an interface declares, with its types and docstrings. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

export const root: string = path.resolve(import.meta.dirname, '../..');

/** A member of an interface: its name, its type as written, and what its docstring says. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly says: string;
}

/** The first line of a page that a test makes. */
export function madeBy(test: string): string {
  return `This page is made from the source by \`test/integration/${test}\`.`;
}

/** Fields of an interface in a source file, with their types and what their docstrings say. */
export async function fieldsOf(file: string, name: string): Promise<Field[]> {
  const source = await readFile(path.join(root, file), 'utf8');
  const body = new RegExp(`export interface ${name}\\b[^{]*\\{\\n(.*?)\\n\\}`, 's').exec(source)?.[1] ?? '';
  const fields = body.matchAll(/(?:\/\*\*((?:(?!\*\/).)*)\*\/\s*|^ {2})(?:readonly )?('?)\b([\w.-]+)\2\??: (.+?);$/gms);
  return [...fields].map(([, says = '', , field = '', type = '']) => ({
    name: field,
    type: oneLine(type),
    says: oneLine(says.replace(/^\s*\*/gm, ' ')),
  }));
}

/** Text as one line, as it would be written if lines had no end. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\( /g, '(').replace(/, \)/g, ')').trim();
}

/** Text that does not end its cell of a table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
