/** Pages that use a toolkit, its binding and the classic script, as files of the packages, the way an application loads them. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, normalize } from 'node:path';

const root = join(import.meta.dirname, '../..');
const extensions = ['ack', 'binary', 'timestamp', 'timesync', 'reload'];

/** Folders whose scripts are served. */
const folders: Readonly<Record<string, string>> = {
  client: join(root, 'packages/client/dist/browser'),
  jquery: join(root, 'node_modules/jquery/dist'),
  angular: join(root, 'node_modules/angular'),
  dojo: join(root, 'node_modules/dojo'),
};

const scripts = (files: string[]): string => files.map((file) => `<script src="/${file}"></script>`).join('\n');

const pages: Readonly<Record<string, string>> = {
  '/script': scripts(['client/cometd.js']),

  '/module': '<script type="module">window.client = await import("/client/client.mjs");</script>',

  '/jquery': `${scripts([
    'jquery/jquery.js',
    'client/cometd.js',
    'client/jquery.cometd.js',
    ...extensions.map((name) => `client/jquery.cometd-${name}.js`),
  ])}
    <script>
      window.requested = [];
      window.events = 0;
      $.ajaxPrefilter((options) => { requested.push(options.url.split('?')[0]); });
      $(document).on('ajaxSend', () => { events++; });
      $('html').attr('data-cometd', $.cometd.getName());
    </script>`,

  '/dojo': `<script>
      window.dojoConfig = {
        async: true,
        baseUrl: '/',
        packages: [
          { name: 'dojo', location: 'dojo' },
          { name: 'cometd', location: 'client' },
          { name: 'dojox', location: 'client/dojox' },
        ],
      };
      window.requested = [];
    </script>
    ${scripts(['dojo/dojo.js'])}
    <script>
      window.loaded = new Promise((resolve, reject) => {
        require.on('error', reject);
        require(
          ['dojox/cometd', 'dojo/request/notify', ${extensions.map((name) => `'dojox/cometd/${name}'`).join(', ')}],
          (cometd, notify) => {
            notify('send', (response) => requested.push(response.url.split('?')[0]));
            resolve(cometd);
          },
        );
      });
    </script>`,

  '/amd': `<script>
      window.dojoConfig = {
        async: true,
        baseUrl: '/',
        packages: [
          { name: 'jquery', location: 'jquery', main: 'jquery' },
          { name: 'cometd', location: 'client' },
        ],
        paths: { 'jquery.cometd': 'client/jquery.cometd', 'jquery.cometd-ack': 'client/jquery.cometd-ack' },
      };
    </script>
    ${scripts(['dojo/dojo.js'])}
    <script>
      window.loaded = new Promise((resolve, reject) => {
        require.on('error', reject);
        require(['jquery', 'jquery.cometd', 'jquery.cometd-ack'], ($, cometd, ack) => resolve([
          $.cometd === cometd, cometd.getExtension('ack') === ack, typeof org,
        ]));
      });
    </script>`,

  '/angular': `${scripts(['angular/angular.js', 'client/cometd.js', 'client/angular.cometd.js'])}
    <body ng-app="page" ng-controller="Page" ng-strict-di>
      <p id="handshake">{{ handshake }}</p><p id="heard">{{ heard }}</p><p id="published">{{ published }}</p>
      <script>
        window.requested = [];
        const modules = ['cometd', ${extensions.map((name) => `'cometd-${name}'`).join(', ')}];
        angular.module('page', modules)
          .config(['$httpProvider', ($httpProvider) => {
            $httpProvider.interceptors.push(() => ({
              request: (config) => { requested.push(\`\${config.url}\`.split('?')[0]); return config; },
            }));
          }])
          .controller('Page', ['$scope', '$rootScope', 'cometd', ($scope, $rootScope, cometd) => {
            Object.assign(window, { cometd, $rootScope });
            window.join = (url, transport) => {
              for (const type of cometd.getTransportTypes()) if (type !== transport) cometd.unregisterTransport(type);
              cometd.configure({ url, logLevel: 'error' });
              cometd.handshake(({ successful, ext }) => {
                $scope.handshake = ext && ext.reload ? 'reloaded' : \`\${successful}\`;
                cometd.subscribe('/news', ({ data }) => { $scope.heard = data; });
              });
            };
            window.say = (text) => cometd.publish('/news', text, ({ successful }) => { $scope.published = successful; });
          }]);
      </script>
    </body>`,
};

/** Answers with the pages above, and with the scripts they name. */
export async function bindingsPages(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(String(request.url), 'http://localhost');
  const page = Object.hasOwn(pages, pathname) ? pages[pathname] : undefined;
  if (page !== undefined) {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><title>${pathname}</title>${page}`);
    return;
  }
  const [, name = '', ...path] = normalize(pathname).split('/');
  const home = Object.hasOwn(folders, name) ? folders[name] : undefined;
  const text = home === undefined ? undefined : await readFile(join(home, ...path)).catch(() => undefined);
  response.statusCode = text === undefined ? 404 : 200;
  response.setHeader('content-type', 'text/javascript; charset=utf-8');
  response.end(text);
}
