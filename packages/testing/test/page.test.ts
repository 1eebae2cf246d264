import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';

it('the example for vitest on the page is the one that runs here', async () => {
  const page = path.resolve(import.meta.dirname, '../../../docs/how-to/test-your-application.md');
  const [, block] = /^```typescript\n(.*?)^```/ms.exec(await readFile(page, 'utf8')) ?? [];
  expect(block).toBe(await readFile(path.join(import.meta.dirname, 'example.test.ts'), 'utf8'));
});
