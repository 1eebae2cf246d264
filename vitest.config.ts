import { defineConfig } from 'vitest/config';

// Tests run against the sources: the "source" condition of each package's exports names its src/index.ts.
const conditions = ['source', 'module', 'node', 'development|production'];
// What is not bundled is loaded by Node.js, which knows no "module": some packages have files there that only bundlers read.
const ssr = { resolve: { conditions: conditions.filter((condition) => condition !== 'module') } };
const sources = { resolve: { conditions }, ssr };

// What another version of Node.js changes nothing of: pages, packed packages, demos, the benchmark, the sentences of the command.
const same = ['test/integration/{docs,packages}.test.ts', 'packages/cli/test/serve.test.ts', '{demos,bench}/test/**'];
const leftOut = process.env.SECOND_NODE ? same : [];

export default defineConfig({
  test: {
    // A run that finds no test has proved nothing.
    passWithNoTests: false,
    projects: [
      {
        ...sources,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'bench/test/*/**/*.test.ts'],
          exclude: ['**/*.nats.test.ts', ...leftOut],
        },
      },
      {
        ...sources,
        test: {
          name: 'integration',
          include: [
            'test/{conformance,drop-in,faults,integration}/**/*.test.ts',
            'interop/**/*.test.ts',
            'demos/test/**/*.test.ts',
            'bench/test/*.test.ts',
          ],
          exclude: ['**/node_modules/**', 'interop/{java,balancers,oort}/**', ...leftOut],
          testTimeout: 30_000,
        },
      },
      {
        // Nodes in processes of their own: `npm run cluster`.
        ...sources,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          exclude: ['**/*.nats.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // What needs a real NATS server, in one process or in many: `npm run cluster`, too.
        ...sources,
        test: {
          name: 'nats',
          include: ['{packages,test}/**/*.nats.test.ts'],
          exclude: ['**/node_modules/**'],
          globalSetup: ['test/cluster/ready-nats.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...sources,
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/browser/unpack-chromium.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // What needs programs of others (a JDK and Maven, nginx and haproxy): `npm run interop`, not `npm test`.
        ...sources,
        test: {
          name: 'peers',
          include: ['interop/{java,balancers,oort}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        ...sources,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            checker: 'tsc',
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './test/types/tsconfig.json',
          },
        },
      },
    ],
  },
});
