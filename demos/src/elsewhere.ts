/** The members of the chat who sit at other nodes: other workers of `cometd serve --workers`, or other machines. */
import { type Oort, OortList, type Seti } from '@cometd-ts/oort';
import type { ServerSession } from '@cometd-ts/server';
import type { Member, Seat } from './room.ts';

/** A node of a cluster, as modules of `cometd serve` are handed it. */
export interface Node {
  readonly oort: Oort;
  readonly seti: Seti;
}

/** A seat as other nodes know it. */
interface Sitting extends Member {
  readonly room: string;
}

export class Elsewhere {
  readonly #node: Node;
  /** Who sits here; the other nodes know it, too. */
  readonly #sitting: OortList<Sitting>;

  constructor(node: Node) {
    this.#node = node;
    this.#sitting = new OortList(node.oort, 'chat');
    for (const channels of ['/chat/*', '/members/*']) node.oort.observeChannel(channels);
    node.oort.server.diagnostics.guard('chat', undefined, () => this.#sitting.start());
  }

  /** Whether what is published comes from another node, which has let it in. */
  isFrom(session: ServerSession | null): boolean {
    return this.#node.oort.isOort(session);
  }

  /** Members of a room at other nodes. */
  members(room: string): readonly Member[] {
    return this.#sitting
      .getInfos()
      .filter(({ isLocal }) => !isLocal)
      .flatMap(({ object }) => object.filter((sitting) => sitting.room === room))
      .map(({ id, name }) => ({ id, name }));
  }

  seated({ member, room, session }: Seat): void {
    this.#node.seti.associate(member.id, session);
    this.#share(() => this.#sitting.addAndShare({ ...member, room: room.name }));
  }

  left({ member, room, session }: Seat): void {
    this.#node.seti.disassociate(member.id, session);
    this.#share(() => this.#sitting.removeAndShare({ ...member, room: room.name }));
  }

  /** Says something to one member, wherever they are. */
  whisper(id: string, channel: string, data: unknown): void {
    this.#node.seti.sendMessage(id, channel, data);
  }

  #share(change: () => Promise<boolean>): void {
    this.#node.oort.server.diagnostics.guard('chat', false, change);
  }
}
