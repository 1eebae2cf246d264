/** Pages with a client library of npm on them, as files of the packages, unmodified. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const homeOf = (name: string) => dirname(require.resolve(`${name}/package.json`));

/** Folders whose scripts are served: `/library/cometd/cometd.js` and so on. */
const libraries: Readonly<Record<string, () => string>> = {
  cometd: () => homeOf('cometd'),
  cometd7: () => homeOf('cometd7'),
  faye: () => join(homeOf('faye'), 'client'),
};

/** Answers `/` with an empty page and `/library/…` with the scripts; everything else is not found. */
export async function clientPages(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, room, name = '', file = ''] = String(request.url).split('/');
  const home = Object.hasOwn(libraries, name) ? libraries[name] : undefined;
  if (request.url === '/') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><title>Guests</title>');
  } else if (room === 'library' && home && /^[\w-]+\.js$/.test(file)) {
    response.setHeader('content-type', 'text/javascript; charset=utf-8');
    response.end(await readFile(join(home(), file)));
  } else {
    response.statusCode = 404;
    response.end();
  }
}
