/** The server's extensions and a session's: which callback sees which message, in which order. Book chapter 10. */
import { chain, ExtensionPipe, isMeta, type Maybe } from '@cometd-ts/protocol';
import type { Extension, Registration, ServerSession, SessionExtension } from './api.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { ServerMessage } from './message.ts';

/** Extensions that see every message of a server. One that throws is reported, and the message goes on. */
export class ServerExtensions {
  readonly #pipe: ExtensionPipe<Extension> = new ExtensionPipe();
  readonly #diagnostics: Diagnostics;

  constructor(diagnostics: Diagnostics) {
    this.#diagnostics = diagnostics;
  }

  get isEmpty(): boolean {
    return this.#pipe.size === 0;
  }

  get list(): readonly Extension[] {
    return this.#pipe.list;
  }

  add(extension: Extension): Registration {
    this.#pipe.add(extension);
    return { remove: () => void this.#pipe.remove(extension) };
  }

  /** Incoming, in order of registration; false when one of them deleted the message. */
  receive(from: ServerSession | null, message: ServerMessage): Maybe<boolean> {
    if (this.#pipe.size === 0) return true;
    const meta = isMetaMessage(message);
    return this.#pipe.incoming((extension) =>
      this.#ask('extension', () => (meta ? extension.rcvMeta?.(from, message) : extension.rcv?.(from, message))),
    );
  }

  /** Outgoing, in reverse order; false when one of them deleted the message. */
  send(from: ServerSession | null, to: ServerSession | null, message: ServerMessage): Maybe<boolean> {
    if (this.#pipe.size === 0) return true;
    const meta = isMetaMessage(message);
    return this.#pipe.outgoing((extension) =>
      this.#ask('extension', () =>
        meta ? extension.sendMeta?.(from, to, message) : extension.send?.(from, to, message),
      ),
    );
  }

  #ask(where: string, call: () => Maybe<boolean | undefined | void>): Maybe<boolean> {
    return chain(this.#diagnostics.guard(where, undefined, call), (verdict) => verdict !== false);
  }
}

/** Extensions of one session; they come after the server's, in both directions. */
export class SessionExtensions {
  readonly #pipe: ExtensionPipe<SessionExtension> = new ExtensionPipe();
  readonly #session: ServerSession;
  readonly #diagnostics: Diagnostics;

  constructor(session: ServerSession, diagnostics: Diagnostics) {
    this.#session = session;
    this.#diagnostics = diagnostics;
  }

  add(extension: SessionExtension): Registration {
    this.#pipe.add(extension);
    return { remove: () => void this.#pipe.remove(extension) };
  }

  receive(message: ServerMessage): Maybe<boolean> {
    const meta = isMetaMessage(message);
    return this.#pipe.incoming((extension) =>
      chain(
        this.#diagnostics.guard('session extension', undefined, () =>
          meta ? extension.rcvMeta?.(this.#session, message) : extension.rcv?.(this.#session, message),
        ),
        (verdict) => verdict !== false,
      ),
    );
  }

  /** The message as this session shall get it, or null when an extension dropped it. */
  send(sender: ServerSession | null, message: ServerMessage): Maybe<ServerMessage | null> {
    let current: ServerMessage | null = message;
    const meta = isMetaMessage(message);
    const done = this.#pipe.outgoing((extension) => {
      const given = current as ServerMessage;
      if (meta) {
        const verdict = this.#diagnostics.guard('session extension', undefined, () =>
          extension.sendMeta?.(sender, this.#session, given),
        );
        return chain(verdict, (kept) => kept !== false);
      }
      const replaced = this.#diagnostics.guard('session extension', given, () =>
        extension.send?.(sender, this.#session, given),
      );
      return chain(replaced, (next) => {
        if (next !== undefined) current = next;
        return next !== null;
      });
    });
    return chain(done, (kept) => (kept ? current : null));
  }
}

/** Which callbacks see a message. The reply to a message without a legal channel is nobody's meta message. */
function isMetaMessage(message: ServerMessage): boolean {
  const channel: unknown = message.channel;
  return typeof channel === 'string' && isMeta(channel);
}
