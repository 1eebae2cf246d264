/** The Java node: its class path as `npm run interop` notes it, its class compiled once a run. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Java {
  /** Starts a node, less its arguments; empty where there is no Java. */
  readonly command: readonly string[];
  /** Why there is none; empty when there is. */
  readonly obstacle: string;
  readonly versions: Readonly<Record<string, string>>;
}

const peers = fileURLToPath(new URL('../../../interop/oort/', import.meta.url));
const source = fileURLToPath(new URL('../../java/BenchNode.java', import.meta.url));

export function readyJava(): Java {
  const without = (obstacle: string): Java => ({ command: [], obstacle, versions: {} });
  const compiler = spawnSync('javac', ['-version'], { encoding: 'utf8' });
  if (compiler.status !== 0) return without('there is no JDK');
  const file = `${peers}target/classpath.txt`;
  if (!existsSync(file)) {
    const goals = ['compile', 'dependency:build-classpath', '-Dmdep.outputFile=target/classpath.txt'];
    const maven = spawnSync('mvn', ['-q', '-B', ...goals], { cwd: peers, encoding: 'utf8' });
    if (maven.status !== 0) return without('Maven could not bring CometD for Java (see interop/README.md)');
  }
  const classPath = readFileSync(file, 'utf8').trim();
  const folder = mkdtempSync(join(tmpdir(), 'bench-node-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const compiled = spawnSync('javac', ['-d', folder, '-cp', classPath, source], { encoding: 'utf8' });
  if (compiled.status !== 0) return without(`its node does not compile: ${compiled.stderr.split('\n', 1)[0]}`);
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off';
  return {
    command: ['java', '-Xmx1g', quiet, '-cp', `${folder}:${classPath}`, 'BenchNode'],
    obstacle: '',
    versions: {
      JDK: compiler.stdout.replace('javac ', '').trim(),
      'CometD for Java': /cometd-java-oort-(\d[\d.]*)\.jar/.exec(classPath)?.[1] ?? 'unknown',
    },
  };
}
