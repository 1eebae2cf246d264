/** The gate of the mesh at our server: who knows the secret comes in as a node, who claims to and does not is refused. */
import { errorText, META_HANDSHAKE, type Message } from '@cometd-ts/protocol';
import type { Extension, ServerMessage, ServerSession } from '@cometd-ts/server';
import type { EngineNode, Member } from '../engine.ts';
import type { MeshSettings } from './options.ts';
import { isForged } from './payload.ts';
import { hasBlock, isSame, type Knock, knockIn, OORT_EXT } from './secret.ts';

/** Whom the gate tells. */
export interface GateHost {
  /** A node has shaken hands; its reply is about to leave. */
  knocked(session: ServerSession, knock: Knock): void;
  memberOf(session: ServerSession): Member | undefined;
  /** Whether one more node may be gone to. */
  mayCome(url: string): boolean;
}

export class Gate implements Extension {
  readonly #node: EngineNode;
  readonly #settings: MeshSettings;
  readonly #host: GateHost;
  readonly #knocks: WeakMap<ServerSession, Knock> = new WeakMap();

  constructor(node: EngineNode, settings: MeshSettings, host: GateHost) {
    this.#node = node;
    this.#settings = settings;
    this.#host = host;
  }

  /** Whether a handshake comes from a node that has reached this one by its own URL and knows the secret. */
  static isFor(message: Message, url: string, settings: MeshSettings): boolean {
    if (message.channel !== META_HANDSHAKE) return false;
    const knock = knockIn(message);
    return knock !== null && knock.reached === url && knows(knock, settings);
  }

  rcvMeta(from: ServerSession | null, message: ServerMessage): boolean {
    if (message.channel !== META_HANDSHAKE || !from || from.isLocalSession || !hasBlock(message)) return true;
    const knock = knockIn(message);
    const fault = this.#faultOf(knock);
    if (!knock || fault !== '') {
      const { diagnostics } = this.#node.server;
      diagnostics.rejected('oort_handshake', fault);
      diagnostics.warn('oort_handshake', `A handshake that claims to come from a node is refused: ${fault}`);
      if (message.associated) deny(message.associated);
      return false;
    }
    this.#knocks.set(from, knock);
    from.isNode = true;
    from.queueBounds = this.#settings.queueBounds;
    const { maxInterval, timeout } = this.#settings;
    if (maxInterval !== null) from.maxInterval = maxInterval;
    if (timeout !== null) from.timeout = timeout;
    return true;
  }

  #faultOf(knock: Knock | null): string {
    if (!knock) return 'it is not whole';
    if (!knows(knock, this.#settings)) return 'it does not know the secret';
    const { id, url } = this.#node;
    if (knock.id === id) return '';
    if (knock.url === url) return `it has the URL of this node, ${url}, but is another one`;
    if (!this.#settings.allows(knock.url)) return `its URL ${knock.url} is not allowed`;
    if (!this.#host.mayCome(knock.url)) return 'too many nodes cannot be reached (option maxComets)';
    return '';
  }

  sendMeta(_from: ServerSession | null, to: ServerSession | null, reply: ServerMessage): void {
    if (reply.channel !== META_HANDSHAKE || !to) return;
    const knock = this.#knocks.get(to);
    if (!knock) return;
    const { id, url, server } = this.#node;
    reply.ext = { ...reply.ext, [OORT_EXT]: { oortURL: url, oortId: id } };
    if (reply.successful !== true) return;
    if (knock.id === id) {
      // A node that reaches itself, by another URL of its own.
      server.removeSession(to);
      deny(reply);
      delete reply.clientId;
      return;
    }
    this.#host.knocked(to, knock);
  }

  /** What a node publishes here directly speaks for itself alone. */
  rcv(from: ServerSession | null, message: ServerMessage): boolean {
    const member = from?.isNode ? this.#host.memberOf(from) : undefined;
    if (!member || !isForged(message, member.url)) return true;
    this.#node.server.diagnostics.rejected('oort_forged', message.channel);
    return false;
  }
}

function knows(knock: Knock, { secret, acceptAnySecret }: MeshSettings): boolean {
  return acceptAnySecret || isSame(knock.secret, secret);
}

function deny(reply: ServerMessage): void {
  reply.successful = false;
  reply.error = errorText('handshake_denied');
  reply.advice = { reconnect: 'none' };
  reply.handled = true;
}
