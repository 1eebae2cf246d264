/**
 * Adds up the results that vitest left in a directory, names what did not run and what failed, and prints the closing
 * line. A step can fail though all its tests passed (an error outside of every test, a wrong type): it is counted, too.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const [results, ...failedSteps] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
/** Steps whose failure is counted by their tests. */
const told = new Set();

for (const name of readdirSync(results).filter((each) => each.endsWith('.json'))) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of JSON.parse(readFileSync(join(results, name), 'utf8')).testResults) {
    const tests = suite.assertionResults;
    const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
    const failed = tests.filter(({ status }) => status === 'failed');
    const file = relative(process.cwd(), suite.name);
    counts.passed += tests.length - skipped.length - failed.length;
    counts.skipped += skipped.length;
    // A file that could not be loaded has no test to fail, but it has failed.
    counts.failed += failed.length || Number(suite.status === 'failed');
    if (skipped.length > 0) console.log(`Skipped: ${skipped.length} of ${tests.length} in ${file}, where they say why`);
    for (const { fullName } of failed) console.log(`Failed: ${fullName} (${file})`);
  }
  const step = name.slice(0, -'.json'.length);
  if (counts.failed > 0) told.add(step);
  console.log(`${step}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  for (const key of Object.keys(total)) total[key] += counts[key];
}

for (const step of failedSteps) {
  if (!told.has(step)) total.failed += 1;
  const log = join(results, `${step}.log`);
  console.log(`\nFailed step: ${step}`);
  if (existsSync(log)) console.log(readFileSync(log, 'utf8').trimEnd().split('\n').slice(-80).join('\n'));
}

const { passed, failed, skipped } = total;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
if (failed > 0 || passed === 0) process.exitCode = 1;
