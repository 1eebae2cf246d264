/**
 * Meets real Java: readies a JDK and Maven, installing them where it may, compiles the peers, and runs the tests that
 * need them. Says plainly what was skipped, and ends with the count. Arguments go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const java = `${root}interop/java`;
const given = process.argv.slice(2);
const reportOption = '--outputFile.json=';
const report =
  given.find((one) => one.startsWith(reportOption))?.slice(reportOption.length) ?? `${java}/target/report.json`;

/** Runs a command quietly; its output when it failed, undefined when it worked. */
function trouble(command, args, cwd = root) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return undefined;
  return (error?.message ?? `${stdout}${stderr}`).trim() || `it ended with ${status}`;
}

function haveTools() {
  return !trouble('javac', ['-version']) && !trouble('mvn', ['-version']);
}

/** Why Java cannot be used here, or undefined when tools, peers and class path are ready. */
function obstacle() {
  if (!haveTools()) {
    if (process.getuid?.() !== 0) return 'a JDK (17 or later) and Maven are missing, and only root can install them';
    console.log('installing a JDK and Maven with apt-get');
    const packages = ['install', '-y', '-q', '--no-install-recommends', 'default-jdk-headless', 'maven'];
    const failure = trouble('apt-get', ['update', '-q']) ?? trouble('apt-get', packages);
    if (failure || !haveTools()) return `a JDK and Maven could not be installed (${lastLine(failure)})`;
  }
  mkdirSync(`${java}/target`, { recursive: true });
  const goals = ['-q', '-B', 'compile', 'dependency:build-classpath', '-Dmdep.outputFile=target/classpath.txt'];
  const failure = trouble('mvn', goals, java);
  return failure && `Maven failed (${failure.split('\n').find((line) => line.includes('ERROR')) ?? lastLine(failure)})`;
}

function lastLine(text = 'for no reason given') {
  return text.split('\n').at(-1);
}

const reason = obstacle();
if (reason) {
  for (const what of [
    'the Java client at our server',
    'the conformance suite at a Java server',
    'our clients at a Java server',
  ]) {
    console.log(`skipped: ${what}, because ${reason}`);
  }
  console.log('interop: 0 passed, 0 failed, 3 skipped');
  process.exit(0);
}

rmSync(report, { force: true });
const reporters = ['--reporter=default', '--reporter=json', `${reportOption}${report}`];
spawnSync('npx', ['vitest', 'run', '--project', 'java', ...(given.length > 0 ? given : reporters)], {
  cwd: root,
  stdio: 'inherit',
});
if (!existsSync(report)) {
  console.log('interop: vitest left no report');
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, success } = JSON.parse(readFileSync(report, 'utf8'));
if (numPendingTests > 0) {
  console.log(
    `skipped: ${numPendingTests} tests at the Java server, because they are of decisions that are ours alone`,
  );
}
console.log(`interop: ${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
process.exit(success ? 0 : 1);
