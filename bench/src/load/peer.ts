/** What the load asks of a client, whichever protocol it speaks. */
import type { Scenario, ServerName } from '../scenarios.ts';

export interface PeerOptions {
  readonly port: number;
  /** Subscribes to the channel before it counts as connected. */
  readonly subscribes: boolean;
  /** Bytes that may hold messages; valid only during the call. */
  readonly onBytes: (bytes: Buffer) => void;
  /** A publish of this client was answered, where its protocol answers. */
  readonly onReply: () => void;
  readonly onLost: (error: Error) => void;
}

export interface Peer {
  /** Publishes so many messages stamped with the time given, in µs: in frames of their own, but with one write. */
  publish(stamp: number, count: number): void;
}

/** Connects one client: fulfilled when it is ready and, if wanted, subscribed. */
export type Connect = (options: PeerOptions) => Promise<Peer>;

/** A dialect per transport; `asksReply` when a publish is to be answered rather than delivered. */
export async function connectOf(server: ServerName, scenario: Scenario): Promise<Connect> {
  const polls = scenario.name === 'long-polling';
  switch (server) {
    case 'socket.io': {
      const { connectSocketIo } = await import('./socket-io.ts');
      return (options) => connectSocketIo(options, scenario.name === 'reply');
    }
    case 'floor': {
      const { connectFloor, connectFloorPolling } = await import('./floor.ts');
      return polls ? connectFloorPolling : connectFloor;
    }
    default: {
      if (polls) return (await import('./bayeux-polling.ts')).connectBayeuxPolling;
      return (await import('./bayeux-websocket.ts')).connectBayeux;
    }
  }
}
