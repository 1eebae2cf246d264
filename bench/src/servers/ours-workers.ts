/** CometD for TypeScript on all cores: what `cometd serve --workers 2` is, started as its users start it. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { unbounded } from './ours.ts';
import type { Start } from './start.ts';

const cli = dirname(createRequire(import.meta.url).resolve('@cometd-ts/cli/package.json'));

export const start: Start = async ({ cores }) => {
  const options = Object.entries(unbounded).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const args = ['serve', '--workers', String(cores), '--port', '0', ...options];
  const child = spawn(process.execPath, [join(cli, 'bin/cometd.js'), ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  const port = await new Promise<number>((resolve, reject) => {
    const hear = (text: Buffer): void => {
      said += text.toString();
      const address = /is listening on \S+:(\d+)/.exec(said);
      if (address) resolve(Number(address[1]));
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`cometd serve --workers is not possible: ${said.split('\n', 1)[0]}`)));
  });
  return { port, ...(child.pid !== undefined && { pid: child.pid }), stop: () => void child.kill('SIGINT') };
};
