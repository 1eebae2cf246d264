/** The base of client extensions, and what ours ask of the client they are registered with. */
import type { Message } from '../message.ts';

/** The part of a client that extensions use. Both clients have it. */
export interface ExtensionHost {
  /** `false` declines acknowledged delivery at the next handshake. */
  ackEnabled?: boolean | undefined;
  _debug(...args: unknown[]): void;
  /** Starts a timer of the client; `delay` in ms. The handle is opaque. */
  setTimeout(fn: () => void, delay: number): unknown;
}

/**
 * Sees every message of a client: incoming ones in the order in which extensions were registered, outgoing ones in
 * reverse and at the moment they are sent. A method returns the message that goes on; nothing stands for the same
 * one, and null deletes it. Extensions need not derive from this class: any object with some of its methods will do.
 *
 * @example
 * class Tenant extends Extension {
 *   outgoing(message) {
 *     if (message.channel === '/meta/handshake') message.ext = { ...message.ext, tenant: 'acme' };
 *   }
 * }
 */
export class Extension<Host = ExtensionHost> {
  #cometd: Host | null = null;

  /** The client this extension is registered with, or null. */
  get cometd(): Host | null {
    return this.#cometd;
  }

  registered(_name: string, cometd: Host): void {
    this.#cometd = cometd;
  }

  unregistered(): void {
    this.#cometd = null;
  }

  incoming(message: Message): Message | null | undefined | void {
    return message;
  }

  outgoing(message: Message): Message | null | undefined | void {
    return message;
  }
}

/** Sets a field of `ext`. The object is replaced, because it may be the application's own. */
export function putExt(message: Message, field: string, value: unknown): void {
  message.ext = { ...message.ext, [field]: value };
}
