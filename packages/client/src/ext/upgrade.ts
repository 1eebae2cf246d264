/** Goes back to the preferred transport when it works again: a client that fell back to long-polling need not stay there. */
import type { Message } from '../message.ts';
import type { TransportLike } from '../transport/transport.ts';
import { WebSocketTransport } from '../transport/websocket.ts';
import { Extension, type ExtensionHost } from './extension.ts';

export interface UpgradeConfiguration {
  /** How long to stay with another transport, at least, before the preferred one is tried, and between tries, in ms. Default 60000. */
  after?: number;
}

/** The part of a client that this extension uses. */
export interface UpgradeHost extends ExtensionHost {
  readonly _engine: {
    readonly transport: TransportLike | null;
    readonly registry: { getTransportTypes(): string[]; find(type: string): TransportLike | null };
    readonly isDisconnected: boolean;
    renegotiate(): void;
  };
}

/**
 * While another transport than the first is in use and the first is WebSocket, opens a WebSocket from time to time. When
 * one opens, the client shakes hands again and takes it. That is a new session: the typed client makes its subscriptions
 * anew and says `gap`. Without this extension a client keeps the transport it has, as the book says (section 8.7.1).
 */
export class UpgradeExtension extends Extension<UpgradeHost> {
  readonly #after: number;
  /** When the time until the next try began; 0: there is nothing to try. */
  #since = 0;
  #probing = false;

  constructor({ after = 60_000 }: UpgradeConfiguration = {}) {
    super();
    this.#after = after;
  }

  /** The replies to connects are the clock: there is one at least each time the server has held a connect. */
  override incoming(message: Message): Message {
    if (message.channel !== '/meta/connect' || !message.successful || this.#probing) return message;
    const transport = this.#preferred();
    const now = Date.now();
    if (!transport) this.#since = 0;
    else if (this.#since === 0) this.#since = now;
    else if (now - this.#since >= this.#after) this.#probe(transport);
    return message;
  }

  /** The WebSocket transport, while another one is in use instead. */
  #preferred(): WebSocketTransport | undefined {
    const engine = this.cometd?._engine;
    const first = engine?.registry.find(engine.registry.getTransportTypes()[0] ?? '');
    const instead = engine && !engine.isDisconnected && engine.transport && engine.transport !== first;
    return instead && first instanceof WebSocketTransport ? first : undefined;
  }

  #probe(transport: WebSocketTransport): void {
    this.#probing = true;
    const end = (opened: boolean): void => {
      if (!this.#probing) return;
      this.#probing = false;
      this.#since = 0;
      this.cometd?._debug('UpgradeExtension: WebSocket works:', opened);
      if (opened && this.#preferred()) this.cometd?._engine.renegotiate();
    };
    transport._headers(
      (headers) => {
        try {
          const socket = transport._create(headers);
          socket.onopen = () => {
            end(true);
            socket.close(1000, 'Probe');
          };
          socket.onclose = socket.onerror = () => end(false);
        } catch (error) {
          this.cometd?._debug('UpgradeExtension: could not open a WebSocket', error);
          end(false);
        }
      },
      () => end(false),
    );
  }
}
