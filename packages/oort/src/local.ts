/** The local sessions of the cluster. */
import type { BayeuxServer, LocalSession } from '@cometd-ts/server';

/** A handshaken local session. Rejects with an `Error` that names it when the security policy does not let it in. */
export async function localSession(server: BayeuxServer, hint: string): Promise<LocalSession> {
  const session = server.newLocalSession(hint);
  const reply = await session.handshake();
  if (reply.successful) return session;
  throw new Error(`The security policy refused the local session '${hint}': ${reply.error ?? 'no reason given'}`);
}
