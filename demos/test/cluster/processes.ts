/** The programs of the cluster, bundled from their sources: processes of tests run what is written, not what was built once. */
import { execFileSync } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cloud } from '@cometd-ts/demos/cloud';
import { build } from 'esbuild';
import { freePort } from '../../src/cluster/ports.ts';

const demos = join(import.meta.dirname, '../..');
// Beside `src` and `dist`: the pages are where they are seen from there.
const folder = join(demos, '.tmp');

export const programs = { node: join(folder, 'node.js'), cluster: join(folder, 'cluster.js') } as const;

/** Makes the programs, and the client for the pages. */
export async function makePrograms(): Promise<void> {
  execFileSync(process.execPath, [join(demos, '../packages/client/bundle.js')]);
  const { outputFiles } = await build({
    write: false,
    entryPoints: [join(demos, 'src/cluster/node.ts'), join(demos, 'src/cluster.ts')],
    outdir: folder,
    entryNames: '[name]',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['source'],
    external: ['ws', 'tough-cookie', 'proxy-agent', 'dns-packet', '@nats-io/*'],
  });
  await mkdir(folder, { recursive: true });
  for (const { path, contents } of outputFiles) {
    // Other tests may be starting it right now: it is always whole.
    const draft = `${path}.${process.pid}`;
    await writeFile(draft, contents);
    await rename(draft, path);
  }
}

/** A cloud that has started. */
export interface Opened {
  readonly cloud: Cloud;
  /** Of its page. */
  readonly url: string;
}

/** Three nodes on free ports. @param nats URL of the NATS server that carries them; without it they are a mesh */
export async function openCloud(nats?: string): Promise<Opened> {
  const ports = { Halley: await freePort(), Encke: await freePort(), Tuttle: await freePort() };
  const cloud = new Cloud(ports, { nats, file: programs.node });
  return { cloud, url: await cloud.start(0) };
}

/** Whether these nodes know each other and let bidders in. */
export function isWhole({ fleet }: Cloud, names: readonly string[] = ['Halley', 'Encke', 'Tuttle']): boolean {
  return fleet.nodes
    .filter(({ name }) => names.includes(name))
    .every(({ report }) => report?.isOpen === true && report.members.length === names.length - 1);
}
