/** Starts nginx or haproxy in the foreground with a configuration of the page about load balancers, on ports that are free. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { freePort, type House } from './houses.ts';
import { balancer } from './install.js';

const page = new URL('../../docs/how-to/load-balancers.md', import.meta.url);

/** Why a balancer cannot be used here, or undefined. */
export function obstacle(name: string): string | undefined {
  return balancer(name).reason;
}

/** The block of the page that has this name. */
async function blockOf(file: string): Promise<string> {
  const text = await readFile(page, 'utf8');
  const block = new RegExp(`^\`\`\`\\w+ file=${file}\\n(.*?)^\`\`\``, 'ms').exec(text)?.[1];
  if (block === undefined) throw new Error(`The page about load balancers has no ${file}`);
  return block;
}

/** What the packages of a distribution have around the configuration of a site. */
function surroundings(folder: string): string {
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
worker_processes 1;
pid ${folder}/pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  ${folders.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  include ${folder}/site;
}
`;
}

export interface Balancer {
  readonly port: number;
  /** Says that a server is about to be restarted, as the page does: nginx is told, haproxy asks for itself. */
  leaves(house: 'a' | 'b' | 'none'): Promise<void>;
}

/** A balancer that listens. It ends with the test. */
export async function launchBalancer(name: string, file: string, [a, b]: readonly [House, House]): Promise<Balancer> {
  const { command = '', env } = balancer(name);
  const port = await freePort();
  const ports: Record<string, number> = {
    8080: port,
    8081: a.port,
    8082: b.port,
    9081: a.management,
    9082: b.management,
  };
  const folder = await mkdtemp(path.join(tmpdir(), 'balancer-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  // The workers of nginx are another user.
  await chmod(folder, 0o755);
  const site = (await blockOf(file)).replace(/\b(8080|8081|8082|9081|9082)\b/g, (one) => String(ports[one]));
  await writeFile(`${folder}/site`, site);
  await writeFile(`${folder}/all`, name === 'nginx' ? surroundings(folder) : 'global\n  maxconn 1000\n');
  const leaving = `${folder}/cometd-leaving.conf`;
  const note = (house: string): Promise<void> => writeFile(leaving, `geo $leaving {\n  default ${house};\n}\n`);
  await note('none');
  const args =
    name === 'nginx'
      ? ['-p', folder, '-e', 'stderr', '-c', `${folder}/all`]
      : ['-db', '-q', '-f', `${folder}/all`, '-f', `${folder}/site`];
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'inherit'] });
  const closed = once(child, 'close');
  const end = (): void => void child.kill('SIGTERM');
  process.once('exit', end);
  onTestFinished(async () => {
    process.off('exit', end);
    end();
    await closed;
  });
  while (!(await isOpen(port))) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    await pause(20);
  }
  return {
    port,
    leaves: async (house) => {
      if (name !== 'nginx') return;
      await note(house);
      child.kill('SIGHUP');
    },
  };
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return opened;
}
