/** The channels nodes of a cluster talk on: closed to remote clients from the first day, cluster or not. CVE-2022-24721. */
import type { ServerSession } from '../api.ts';

const roots: readonly string[] = ['/oort', '/seti', '/service/oort', '/service/seti'];

/** Whether a channel belongs to the cluster, by any spelling: the roots themselves and everything below, wildcards included. */
export function isReserved(channel: string): boolean {
  for (const root of roots) {
    if (channel.startsWith(root) && (channel.length === root.length || channel[root.length] === '/')) return true;
  }
  return false;
}

/** Whether a session may use reserved channels, and receive their messages through wildcards. */
export function mayUseReserved(session: ServerSession | null): boolean {
  return session !== null && (session.isLocalSession || session.isNode);
}
