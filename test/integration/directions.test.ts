import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
const server = 'packages/server/src';

/** A file, what it imports, and the rule that must object. */
type Case = readonly [file: string, imports: string, rule: string];

const violations: readonly Case[] = [
  ['packages/protocol/src/a.ts', 'ws', 'direction/protocol'],
  ['packages/protocol/src/b.ts', 'node:fs', 'direction/protocol'],
  ['packages/protocol/src/c.ts', '@cometd-ts/server', 'direction/protocol'],
  ['packages/protocol/src/d.ts', '../../server/src/server.ts', 'direction/public-entry'],

  ['packages/client/src/a.ts', 'ws', 'direction/client-web'],
  ['packages/client/src/b.ts', 'node:http', 'direction/client-web'],
  ['packages/client/src/transport/c.ts', '../node/platform.ts', 'direction/client-web-files'],
  ['packages/client/src/d.ts', '@cometd-ts/server', 'direction/client-web'],
  ['packages/client/src/g.ts', './global.ts', 'direction/client-pages'],
  ['packages/client/src/ext/h.ts', '../bindings/jquery.ts', 'direction/client-pages'],
  ['packages/client/src/bindings/i.ts', '../cometd.ts', 'direction/client-bindings'],
  ['packages/client/src/bindings/j.ts', 'jquery', 'direction/client-web'],
  ['packages/client/src/bindings/k.ts', '../node/platform.ts', 'direction/client-web-files'],
  ['packages/client/src/node/e.ts', 'express', 'direction/client-node'],
  ['packages/client/src/node/f.ts', '../../../protocol/src/maybe.ts', 'direction/public-entry'],

  [`${server}/packages-a.ts`, 'express', 'direction/server-packages'],
  [`${server}/packages-b.ts`, '@cometd-ts/cli', 'direction/server-packages'],
  [`${server}/transport/packages-c.ts`, '@cometd-ts/testkit', 'direction/server-packages'],
  [`${server}/session/packages-d.ts`, '../../../protocol/src/maybe.ts', 'direction/public-entry'],
  [`${server}/receive.ts`, '@cometd-ts/protocol/src/maybe.ts', 'direction/public-entry'],
  [`${server}/service/packages-e.ts`, 'express', 'direction/server-packages'],

  [`${server}/metrics/a.ts`, '../receive.ts', 'direction/server-motion'],
  [`${server}/metrics/b.ts`, 'prom-client', 'direction/server-packages'],
  [`${server}/metrics/prometheus.ts`, 'ws', 'direction/server-adapters'],
  [`${server}/metrics/opentelemetry.ts`, 'prom-client', 'direction/server-adapters'],
  [`${server}/metrics/prometheus.ts`, '../rooms.ts', 'direction/server-adapter-files'],

  ['packages/services/src/a.ts', '@cometd-ts/client', 'direction/services-server'],
  ['packages/services/src/b.ts', 'node:events', 'direction/services-server'],
  ['packages/services/src/c.ts', './client/processor.ts', 'direction/services-client-files'],
  ['packages/services/src/d.ts', '../../server/src/server.ts', 'direction/public-entry'],
  ['packages/services/src/bindings.ts', '@cometd-ts/server', 'direction/services-words'],
  ['packages/services/src/template.ts', './processor.ts', 'direction/services-words-files'],
  ['packages/services/src/client/e.ts', '@cometd-ts/server', 'direction/services-client'],
  ['packages/services/src/client.ts', 'ws', 'direction/services-client'],
  ['packages/services/src/client/f.ts', '../processor.ts', 'direction/services-server-files'],

  ['packages/oort/src/a.ts', '@cometd-ts/client/node', 'direction/oort'],
  ['packages/oort/src/object/b.ts', '../mesh/link.ts', 'direction/oort-engines'],
  ['packages/oort/src/mesh/c.ts', '../seti.ts', 'direction/oort-below'],
  ['packages/oort/src/mesh/d.ts', 'express', 'direction/oort-mesh'],
  ['packages/oort/src/nats/c.ts', '../mesh/payload.ts', 'direction/oort-below'],
  ['packages/oort/src/nats/d.ts', '@cometd-ts/client/node', 'direction/oort-nats'],
  ['packages/oort/src/seti/e.ts', '../nats/subjects.ts', 'direction/oort-engines'],
  ['packages/oort/src/engine.ts', './oort.ts', 'direction/oort-below'],
  ['packages/oort/src/mesh.ts', '../../server/src/server.ts', 'direction/public-entry'],

  ['packages/testing/src/a.ts', 'vitest', 'direction/testing'],
  ['packages/testing/src/b.ts', '@cometd-ts/testkit', 'direction/testing'],
  ['packages/testing/src/c.ts', '../../server/src/server.ts', 'direction/public-entry'],
  ['packages/services/src/g.ts', '@cometd-ts/testing', 'direction/services-server'],

  ['packages/cli/src/a.ts', '@cometd-ts/server/dist/server.js', 'direction/public-entry'],
  ['packages/cli/src/b.ts', '../../server/src/index.ts', 'direction/public-entry'],
  ['packages/cli/src/c.ts', '@cometd-ts/testkit', 'direction/testkit'],
  ['packages/cli/bin/d.js', '@cometd-ts/testkit', 'direction/testkit'],
  ['demos/src/a.ts', '@cometd-ts/testkit', 'direction/testkit'],

  ['demos/src/b.ts', '../../packages/server/src/index.ts', 'direction/public-entry'],
  ['test/integration/a.test.ts', '../../packages/protocol/src/maybe.ts', 'direction/public-entry'],
  ['test/conformance/b.test.ts', '@cometd-ts/server/src/server.ts', 'direction/public-entry'],
  ['interop/a.test.ts', '../packages/server/src/index.ts', 'direction/public-entry'],
  ['bench/src/a.ts', '../../packages/server/dist/index.js', 'direction/public-entry'],
  ['docs/snippets/a.ts', '../../packages/server', 'direction/public-entry'],
  ['packages/server/test/a.test.ts', '../../protocol/src/maybe.ts', 'direction/public-entry'],

  [`${server}/transport/a.ts`, '../server.ts', 'direction/server-doors'],
  [`${server}/transport/d.ts`, 'ws', 'direction/server-packages'],
  [`${server}/websocket/a.ts`, '../message.ts', 'direction/server-websocket'],
  [`${server}/websocket/b.ts`, '@cometd-ts/protocol', 'direction/server-packages'],
  [`${server}/transport/b.ts`, '../index.ts', 'direction/server-doors'],
  [`${server}/transport/deep/c.ts`, '../../service/abstract-service.ts', 'direction/server-doors'],
  [`${server}/receive.ts`, './transport/http.ts', 'direction/server-hall'],
  [`${server}/receive.ts`, './server.ts', 'direction/server-hall'],
  [`${server}/channel/publish.ts`, '../receive.ts', 'direction/server-motion'],
  [`${server}/channel/publish.ts`, '../transport/http.ts', 'direction/server-motion'],
  [`${server}/meta/a.ts`, '../receive.ts', 'direction/server-motion'],
  [`${server}/meta/b.ts`, '../server.ts', 'direction/server-motion'],
  [`${server}/policy/admit.ts`, '../receive.ts', 'direction/server-motion'],
  [`${server}/channel/a.ts`, './publish.ts', 'direction/server-things'],
  [`${server}/channel/b.ts`, '../meta/connect.ts', 'direction/server-things'],
  [`${server}/session/a.ts`, '../channel/publish.ts', 'direction/server-things'],
  [`${server}/session/b.ts`, '../policy/admit.ts', 'direction/server-things'],
  [`${server}/session/c.ts`, '../transport/websocket.ts', 'direction/server-things'],
  [`${server}/ext/a.ts`, '../receive.ts', 'direction/server-things'],
  [`${server}/ext/b.ts`, '../server.ts', 'direction/server-things'],
  [`${server}/options.ts`, './session/session.ts', 'direction/server-words'],
  [`${server}/options.ts`, './transport/transport.ts', 'direction/server-words'],
  [`${server}/diagnostics.ts`, './channel/channel.ts', 'direction/server-words'],
  [`${server}/diagnostics.ts`, './receive.ts', 'direction/server-words'],
  [`${server}/policy/policy.ts`, './admit.ts', 'direction/server-words'],
  [`${server}/policy/policy.ts`, '../session/session.ts', 'direction/server-words'],
  [`${server}/session/conduit.ts`, './session.ts', 'direction/server-words'],
  [`${server}/session/conduit.ts`, '../transport/transport.ts', 'direction/server-words'],
  [`${server}/newcomer.ts`, './server.ts', 'direction/server-words'],
  [`${server}/options.ts`, './rooms.ts', 'direction/server-words'],
  [`${server}/session/session.ts`, '../rooms.ts', 'direction/server-things'],
  [`${server}/rooms.ts`, './receive.ts', 'direction/server-motion'],
];

const clean: readonly (readonly [file: string, imports: readonly string[]])[] = [
  ['packages/protocol/src/index.ts', ['./maybe.ts']],
  ['packages/protocol/src/maybe.ts', []],
  ['packages/protocol/test/maybe.test.ts', ['vitest', '../src/maybe.ts']],
  ['packages/client/src/engine.ts', ['@cometd-ts/protocol', './exchange.ts']],
  ['packages/client/src/global.ts', ['@cometd-ts/protocol', './engine.ts']],
  ['packages/client/src/bindings/jquery.ts', ['../global.ts', './headers.ts']],
  ['packages/client/src/bindings/headers.ts', []],
  ['packages/client/src/node/socket.ts', ['ws', 'tough-cookie', 'proxy-agent', 'node:tls', '../platform.ts']],
  [`${server}/index.ts`, ['./server.ts', './service/abstract-service.ts']],
  [`${server}/server.ts`, ['node:events', './transport/websocket.ts', './receive.ts', './session/sessions.ts']],
  [`${server}/service/abstract-service.ts`, ['../server.ts']],
  [`${server}/transport/websocket.ts`, ['node:http', '@cometd-ts/protocol', '../receive.ts', '../websocket/accept.ts']],
  [`${server}/websocket/reader.ts`, ['node:buffer', './frame.ts']],
  [`${server}/transport/transport.ts`, ['../session/conduit.ts', '../options.ts']],
  [`${server}/receive.ts`, ['./channel/publish.ts', './meta/connect.ts', './policy/admit.ts', './diagnostics.ts']],
  [`${server}/channel/publish.ts`, ['./channel.ts', '../session/sessions.ts', '../policy/policy.ts']],
  [`${server}/meta/connect.ts`, ['../session/sessions.ts', '../options.ts']],
  [`${server}/policy/admit.ts`, ['./policy.ts', '../channel/channel.ts']],
  [`${server}/channel/channel.ts`, ['../session/sessions.ts', '../policy/policy.ts']],
  [`${server}/session/sessions.ts`, ['./conduit.ts', '../options.ts', '../diagnostics.ts']],
  [`${server}/ext/ack.ts`, ['../session/sessions.ts']],
  [`${server}/session/conduit.ts`, ['@cometd-ts/protocol', '../options.ts']],
  [`${server}/policy/policy.ts`, ['@cometd-ts/protocol']],
  [`${server}/options.ts`, ['@cometd-ts/protocol']],
  [`${server}/diagnostics.ts`, ['node:crypto', './options.ts']],
  ['packages/server/test/receive.test.ts', ['vitest', '@cometd-ts/testkit', '../src/receive.ts']],
  ['packages/services/src/processor.ts', ['@cometd-ts/server', '@cometd-ts/protocol', './bindings.ts']],
  [`${server}/metrics/server-metrics.ts`, ['node:perf_hooks', '../rooms.ts', '../session/flusher.ts', './specs.ts']],
  [`${server}/metrics/prometheus.ts`, ['prom-client', './registry.ts', './specs.ts']],
  [`${server}/metrics/opentelemetry.ts`, ['@opentelemetry/api', '../api.ts', './registry.ts']],
  ['packages/services/src/shapes.ts', ['@cometd-ts/protocol']],
  ['packages/services/src/client.ts', ['./client/processor.ts', './marks.ts', './template.ts']],
  ['packages/services/src/client/processor.ts', ['@cometd-ts/client', './decorators.ts', '../bindings.ts']],
  ['packages/oort/src/seti.ts', ['@cometd-ts/server', './oort.ts', './wire.ts', 'node:crypto']],
  ['packages/oort/src/mesh/link.ts', ['@cometd-ts/client/node', '../engine.ts', '../wire.ts']],
  ['packages/oort/src/nats/buckets.ts', ['@nats-io/transport-node', '@nats-io/jetstream', '../powers.ts']],
  [
    'packages/testing/src/line.ts',
    ['node:http', 'ws', '@sinonjs/fake-timers', '@cometd-ts/server', '@cometd-ts/client/node'],
  ],
  ['packages/cli/src/serve.ts', ['node:util', '@cometd-ts/server', '@cometd-ts/client/node']],
  ['packages/testkit/src/launch.ts', ['@cometd-ts/server']],
  ['demos/src/chat.ts', ['@cometd-ts/server']],
  ['test/integration/chat.test.ts', ['@cometd-ts/server', '@cometd-ts/testkit', './helper.ts']],
  ['bench/src/fan-out.ts', ['@cometd-ts/server', 'socket.io']],
  ['interop/faye.test.ts', ['@cometd-ts/server', 'faye']],
];

/** What Biome said: whether it failed, and about which lines ("file:line rule: message"). */
interface Report {
  readonly failed: boolean;
  readonly findings: readonly string[];
}

describe('the directions of the house', () => {
  it('have no finding in a small house that keeps to them', async () => {
    const files = clean.map(([file, imports]) => [file, importing(imports)] as const);
    expect(await lint(files)).toEqual({ failed: false, findings: [] });
  });

  describe('are guarded:', () => {
    const files = [...new Set(violations.map(([file]) => file))];
    const importsOf = (file: string) => violations.filter((one) => one[0] === file).map((one) => one[1]);
    let report: Report;

    beforeAll(async () => {
      report = await lint(files.map((file) => [file, importing(importsOf(file))]));
    });

    it.each(violations)('%s may not import %s (%s)', (file, source, rule) => {
      const line = importsOf(file).indexOf(source) + 1;
      const found = report.findings.filter((finding) => finding.startsWith(`${file}:${line} `));
      expect(found).toContainEqual(expect.stringContaining(`lint/style/noRestrictedImports: ${rule}: `));
      expect(report.failed).toBe(true);
    });
  });
});

describe('the habits of the house are guarded:', () => {
  it.each([
    [
      'import cycles',
      'lint/suspicious/noImportCycles',
      "import { b } from './b.ts';\nexport const a = (): number => b();\n",
    ],
    ['default exports in a source', 'lint/style/noDefaultExport', 'export default 1;\n'],
    ['any', 'lint/suspicious/noExplicitAny', 'export type Door = any;\n'],
    ['an empty catch', 'lint/suspicious/noEmptyBlockStatements', 'try {\n  console.log(1);\n} catch {}\n'],
  ])('no %s', async (_, rule, text) => {
    const report = await lint([
      ['packages/protocol/src/a.ts', text],
      ['packages/protocol/src/b.ts', "import { a } from './a.ts';\nexport const b = (): number => a();\n"],
    ]);
    expect(report.findings).toContainEqual(
      expect.stringMatching(new RegExp(`^packages/protocol/src/a.ts:\\d+ ${rule}: `)),
    );
    expect(report.failed).toBe(true);
  });
});

function importing(sources: readonly string[]): string {
  return sources.map((source) => `import '${source}';\n`).join('');
}

// Builds a house of these files under the rules of this one, and lints it.
async function lint(files: readonly (readonly [file: string, text: string])[]): Promise<Report> {
  const house = await mkdtemp(join(tmpdir(), 'cometd-directions-'));
  try {
    for (const name of ['biome.json', '.gitignore']) await copyFile(join(root, name), join(house, name));
    for (const [file, text] of files) {
      await mkdir(dirname(join(house, file)), { recursive: true });
      await writeFile(join(house, file), text);
    }
    return await runBiome(house);
  } finally {
    await rm(house, { recursive: true });
  }
}

interface Diagnostic {
  readonly category: string;
  readonly message: string;
  readonly severity: string;
  readonly location: { readonly path: string; readonly start?: { readonly line: number } };
}

async function runBiome(house: string): Promise<Report> {
  const args = [biome, 'lint', '--error-on-warnings', '--reporter=json', '--max-diagnostics=none', '.'];
  const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: house }, (error, stdout) =>
      resolve({ code: error?.code ?? 0, output: stdout }),
    );
  });
  // Any other status says that Biome could not do its work, which must not pass for a finding.
  if (code !== 0 && code !== 1) throw new Error(`biome ended with ${code}: ${output}`);
  const { diagnostics } = JSON.parse(output) as { diagnostics: readonly Diagnostic[] };
  const findings = diagnostics
    .filter(({ severity }) => severity === 'error' || severity === 'warning')
    .map(({ location, category, message }) => `${location.path}:${location.start?.line} ${category}: ${message}`);
  return { failed: code === 1, findings };
}
