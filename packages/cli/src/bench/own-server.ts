/** A server to be measured on this machine: `cometd bench server` in a process of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Complaint } from '../complaint.ts';

export interface OwnServer {
  readonly host: string;
  readonly port: number;
  end(): Promise<void>;
}

/** Starts it, on a free port. Throws `Complaint` with what it says when it does not start. */
export async function startServer(path: string): Promise<OwnServer> {
  const host = '127.0.0.1';
  const flags = ['--yes', `--host=${host}`, '--port=0', `--path=${path}`];
  // It ends with the channel between us, however we end.
  const child = fork(process.argv[1] ?? '', ['bench', 'server', ...flags], { silent: true });
  const gone = once(child, 'exit');
  let said = '';
  const port = await new Promise<number>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      const [, found] = /ready to be measured on http:\/\/[^/]+:(\d+)\//.exec(said) ?? [];
      if (found !== undefined) resolve(Number(found));
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    gone.then(() => reject(new Complaint(`The server does not start: ${said.trim()}`)), reject);
  });
  // What it says from now on concerns nobody, but has to be taken.
  child.stdout?.removeAllListeners('data').resume();
  child.stderr?.removeAllListeners('data').resume();
  return {
    host,
    port,
    end: async () => {
      child.disconnect();
      await gone;
    },
  };
}
