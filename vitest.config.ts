import { defineConfig } from 'vitest/config';

// Tests run against the sources: the "source" condition of each package's exports names its src/index.ts.
const sources = {
  resolve: { conditions: ['source', 'module', 'node', 'development|production'] },
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'development|production'] } },
};

export default defineConfig({
  test: {
    projects: [
      { ...sources, test: { name: 'unit', include: ['packages/*/test/**/*.test.ts'] } },
      {
        ...sources,
        test: { name: 'integration', include: ['test/{conformance,integration}/**/*.test.ts'], testTimeout: 30_000 },
      },
    ],
  },
});
