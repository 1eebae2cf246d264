/** Types of `install.js`, which runs before anything is built. */
export const balancers: readonly string[];
export function balancer(
  name: string,
  mayFetch?: boolean,
): { readonly command?: string; readonly env?: Record<string, string>; readonly reason?: string };
