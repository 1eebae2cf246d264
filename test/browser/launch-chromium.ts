/** Opens the browser for a test. Only the sandbox is off: the defaults of the package would also drop web security. */
import { type Browser, chromium } from 'playwright-core';
import { inject } from 'vitest';

/** Launches a headless Chromium; the caller closes it. */
export function launchChromium(): Promise<Browser> {
  const { executablePath, env } = inject('chromium');
  return chromium.launch({ executablePath, args: ['--no-sandbox'], env: { ...process.env, ...env } });
}
