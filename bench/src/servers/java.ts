/**
 * CometD for Java 8 on Jetty 12, as `interop/java` has it. It is started so that it can be measured: no thread ends, no
 * held connect ends, and before a measurement its compiler comes to rest. All else is as it comes.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LAZY_TIMEOUT, type Scenario } from '../scenarios.ts';
import { launch, type Peer, workshop } from './native.ts';
import type { Prepared } from './start.ts';

const peers = fileURLToPath(new URL('../../../interop/java/', import.meta.url));
const source = fileURLToPath(new URL('../../java/BenchServer.java', import.meta.url));
const classes = `${workshop}java`;
const classPathFile = `${peers}target/classpath.txt`;
const keys = `${workshop}java.p12`;

/** Compiles the server, and makes it a key. */
export function prepare(): Prepared {
  const without = (obstacle: string): Prepared => ({ obstacle, versions: {} });
  const compiler = spawnSync('javac', ['-version'], { encoding: 'utf8' });
  if (compiler.status !== 0) return without('there is no JDK');
  if (timeOf(classPathFile) < timeOf(`${peers}pom.xml`)) {
    const goals = ['compile', 'dependency:build-classpath', '-Dmdep.outputFile=target/classpath.txt'];
    const maven = spawnSync('mvn', ['-q', '-B', ...goals], { cwd: peers, encoding: 'utf8' });
    if (maven.status !== 0) return without('Maven could not bring CometD for Java (see interop/README.md)');
  }
  mkdirSync(classes, { recursive: true });
  const classPath = readFileSync(classPathFile, 'utf8').trim();
  const compiled = spawnSync('javac', ['-d', classes, '-cp', classPath, source], { encoding: 'utf8' });
  if (compiled.status !== 0) return without(`its server does not compile: ${compiled.stderr.split('\n', 1)[0]}`);
  if (!createKeys()) return without('its keytool makes no key');
  return {
    obstacle: '',
    versions: {
      JDK: compiler.stdout.replace('javac ', '').trim(),
      'CometD for Java': /cometd-java-server-common-(\d[\d.]*)\.jar/.exec(classPath)?.[1] ?? 'unknown',
      Jetty: /jetty-server-(\d[\d.]*)\.jar/.exec(classPath)?.[1] ?? 'unknown',
    },
  };
}

/** When a file was written; 0 when there is none. */
function timeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** A certificate of its own, with the kind of key that the others have. */
function createKeys(): boolean {
  rmSync(keys, { force: true });
  const place = ['-keystore', keys, '-storetype', 'PKCS12', '-storepass', 'benchmark'];
  const kind = ['-keyalg', 'EC', '-groupname', 'secp256r1', '-dname', 'CN=localhost'];
  return spawnSync('keytool', ['-genkeypair', '-alias', 'bench', ...kind, ...place]).status === 0;
}

export function start(scenario: Scenario): Promise<Peer> {
  return startJava(scenario, []);
}

/** `options` are added to those of the scenario. */
export async function startJava(
  { tls, http2, ack, lazy, binary }: Scenario,
  options: readonly string[],
): Promise<Peer> {
  const classPath = `${classes}:${readFileSync(classPathFile, 'utf8').trim()}`;
  // Compiled code is the same with -Xbatch, but it is there sooner: on one CPU a compiler beside the server gets too little of it.
  const jvm = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=off', '-Xbatch', '-XX:-UseDynamicNumberOfCompilerThreads'];
  const wishes = Object.entries({ http2, ack, binary }).flatMap(([name, wanted]) => (wanted ? [name] : []));
  if (tls) wishes.push(`tls=${keys}`);
  if (lazy) wishes.push(`lazy=${LAZY_TIMEOUT}`);
  const server = await launch(['java', ...jvm, '-cp', classPath, 'BenchServer', ...wishes, ...options]);
  return {
    ...server,
    settle: async () => {
      await server.ask('settle');
    },
  };
}
