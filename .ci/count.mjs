/** Adds up the results that vitest left in JSON files, names what did not run, and prints the closing line. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

let passed = 0;
let failed = 0;
let skipped = 0;

for (const file of process.argv.slice(2).filter((name) => existsSync(name))) {
  const run = basename(file, '.json');
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of JSON.parse(readFileSync(file, 'utf8')).testResults) {
    for (const { status, fullName } of suite.assertionResults) {
      if (status === 'passed') counts.passed++;
      else if (status === 'failed') counts.failed++;
      else {
        counts.skipped++;
        console.log(`Skipped: ${fullName} (${run}: marked "${status}" in its file)`);
      }
    }
    // A file that could not be loaded has no test to fail, but it has failed.
    if (suite.status === 'failed' && !suite.assertionResults.some(({ status }) => status === 'failed')) counts.failed++;
  }
  console.log(`${run}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  passed += counts.passed;
  failed += counts.failed;
  skipped += counts.skipped;
}

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
if (failed > 0 || passed === 0) process.exitCode = 1;
