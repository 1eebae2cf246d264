/** Header fields of the application, as toolkits get them. */

/** The type of the content is not the application's to choose, and toolkits would send both. */
export function withoutContentType(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-type'));
}
