/** The command `cometd`: which subcommand was asked for, and how failures are told in one sentence. */
import { readFileSync } from 'node:fs';
import { Complaint } from './complaint.ts';
import { serve, serveHelp } from './serve.ts';

const help = `cometd: Bayeux from the command line

Usage:
  cometd serve [options]     a standalone server; cometd serve --help lists its options
  cometd bench [side]        a load test: server, client, compare; cometd bench --help says more
  cometd --version
  cometd --help
`;

/** Runs the command; answers its exit code: 0, or 1 with one sentence on standard error. */
export async function main(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [command, ...rest] = args;
  try {
    switch (command) {
      case 'serve':
        if (rest.includes('--help') || rest.includes('-h')) console.log(serveHelp);
        else await serve(rest, environment);
        return 0;
      case 'bench': {
        // Who serves does not load what measures.
        const { bench } = await import('./bench/index.ts');
        return await bench(rest, environment);
      }
      case '--version':
      case '-v':
        console.log(version());
        return 0;
      case undefined:
      case '--help':
      case '-h':
        console.log(help);
        return 0;
      default:
        throw new Complaint(`There is no command '${command}'; it is serve or bench`);
    }
  } catch (error) {
    if (!(error instanceof Complaint)) throw error;
    console.error(`cometd: ${error.message}`);
    return 1;
  }
}

/**
 * Ends the process with this code. What the modules of the user still have to finish gets a second; a timer they forgot
 * keeps nobody from leaving.
 */
export function leave(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), 1_000).unref();
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}
