/**
 * Meets what nobody here wrote: readies a JDK and Maven, nginx and haproxy, installing them where it may, compiles the
 * Java peers, and runs the tests that need any of them. Says plainly what was skipped, and ends with the count. Arguments
 * go to vitest; with `--ready` alone it only makes ready.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { balancer, balancers } from './balancers/install.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const java = `${root}interop/java`;
const oort = `${root}interop/oort`;
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
  return compiled(java, 'target');
}

/** Compiles the peers of a folder and notes their class path. Why that failed, or undefined. */
function compiled(folder, target, ...options) {
  if (isCompiled(folder, `${folder}/${target}/classpath.txt`)) return undefined;
  mkdirSync(`${folder}/${target}`, { recursive: true });
  const goals = ['compile', 'dependency:build-classpath', `-Dmdep.outputFile=${target}/classpath.txt`];
  const failure = trouble('mvn', ['-q', '-B', ...options, ...goals], folder);
  return failure && `Maven failed (${failure.split('\n').find((line) => line.includes('ERROR')) ?? lastLine(failure)})`;
}

/** Whether the class path, which is noted last, is younger than the sources, and all that it names is there. */
function isCompiled(folder, classpath) {
  if (!existsSync(classpath)) return false;
  const sources = readdirSync(`${folder}/src`, { recursive: true }).map((name) => `${folder}/src/${name}`);
  const { mtimeMs } = statSync(classpath);
  if ([`${folder}/pom.xml`, ...sources].some((file) => statSync(file).mtimeMs > mtimeMs)) return false;
  return readFileSync(classpath, 'utf8').trim().split(delimiter).every(existsSync);
}

function lastLine(text = 'for no reason given') {
  return text.split('\n').at(-1);
}

const folders = [];
let skipped = 0;

function skip(what, reason) {
  console.log(`skipped: ${what}, because ${reason}`);
  skipped += 1;
}

const reason = obstacle();
if (reason === undefined) folders.push('interop/java');
else {
  skip('the Java client at our server', reason);
  skip('the conformance suite at a Java server', reason);
  skip('our clients at a Java server', reason);
}

const noNodes = reason ?? compiled(oort, 'target') ?? compiled(oort, 'target/cometd5', '-Pcometd5');
if (noNodes === undefined) folders.push('interop/oort');
else skip('a cloud of our nodes and Java nodes', noNodes);

const missing = balancers.map((name) => [name, balancer(name, true).reason]).filter(([, why]) => why !== undefined);
for (const [name, why] of missing) skip(`a rolling restart behind ${name}`, why);
if (missing.length < balancers.length) {
  const failure = trouble('npx', ['tsc', '-b', 'packages/cli']);
  if (failure === undefined) folders.push('interop/balancers');
  else skip('rolling restarts behind load balancers', `the command cannot be built (${lastLine(failure)})`);
}

if (given.includes('--ready')) process.exit(0);
if (folders.length === 0) {
  console.log(`interop: 0 passed, 0 failed, ${skipped} skipped`);
  process.exit(0);
}

rmSync(report, { force: true });
const reporters = ['--reporter=default', '--reporter=json', `${reportOption}${report}`];
const { status } = spawnSync(
  'npx',
  ['vitest', 'run', '--project', 'peers', ...folders, ...(given.length > 0 ? given : reporters)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
if (!existsSync(report)) {
  console.log('interop: vitest left no report');
  process.exit(1);
}
const { numPassedTests, numFailedTests, numPendingTests, success } = JSON.parse(readFileSync(report, 'utf8'));
if (numPendingTests > 0) {
  console.log(
    `skipped: ${numPendingTests} tests, at the Java server because they are of decisions that are ours alone, and behind balancers that are missing`,
  );
}
console.log(`interop: ${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
// An error outside of every test is no failed test, but it has failed.
if (success && status !== 0) console.log(`interop: vitest ended with ${status}, though no test has failed`);
process.exit(success && status === 0 ? 0 : 1);
