/** One more subscriber: what is published here on channels that other nodes observe is handed to the engine, encoded once. */
import type { BayeuxServer, LocalSession, ServerMessage, ServerSession } from '@cometd-ts/server';
import { localSession } from './local.ts';

/** For engines that carry messages themselves. Where other nodes are subscribed sessions, as in the mesh, nobody needs it. */
export class Tap {
  readonly #server: BayeuxServer;
  readonly #session: LocalSession;

  private constructor(server: BayeuxServer, session: LocalSession) {
    this.#server = server;
    this.#session = session;
  }

  /**
   * `forward` gets every message published on a tapped channel by anybody but nodes and `cluster`, the session that publishes
   * what comes from nodes; each once, unless patterns that are open overlap. The message is frozen: `message.json` is its text.
   */
  static async on(
    server: BayeuxServer,
    cluster: LocalSession,
    forward: (message: ServerMessage) => void,
  ): Promise<Tap> {
    const session = await localSession(server, 'tap');
    session.serverSession.addListener('message', (_session, sender, message) => {
      if (sender !== cluster.serverSession && !sender?.isNode) forward(message);
      return false;
    });
    return new Tap(server, session);
  }

  /** Whether a session is the tap's own. */
  isSession(session: ServerSession): boolean {
    return session === this.#session.serverSession;
  }

  open(channel: string): void {
    this.#server.createChannelIfAbsent(channel).channel.subscribe(this.#session.serverSession);
  }

  close(channel: string): void {
    this.#server.getChannel(channel)?.unsubscribe(this.#session.serverSession);
  }

  stop(): void {
    if (this.#session.isHandshook) void this.#session.disconnect();
  }
}
