/** Lines for the developer's console, as the CometD library writes them. */

import type { LogLevel } from './options.ts';
import { type Logger, type Platform, world } from './platform.ts';

const rank: Readonly<Record<string, number>> = { debug: 0, info: 1, warn: 2, error: 2 };

export type Log = (level: 'debug' | 'info' | 'warn', args: unknown[]) => void;

/** Writes what is at least as grave as the level that `levelOf` answers at that moment. */
export function createLog(platform: Platform, levelOf: () => LogLevel): Log {
  return (level, args) => {
    if ((rank[level] as number) < (rank[levelOf()] ?? 1)) return;
    const logger: Logger | undefined = platform.console ?? world().console;
    logger?.[level]?.(clock(new Date()), ...args);
  };
}

function clock(now: Date): string {
  return `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}
