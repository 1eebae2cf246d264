/** What an engine has between its start and its stop, and how that is put together. */
import type { ServerMessage, ServerSession } from '@cometd-ts/server';
import type { EngineNode } from '../engine.ts';
import { Tap } from '../tap.ts';
import { NatsAddresses } from './addresses.ts';
import { NatsBuckets } from './buckets.ts';
import { CatchUp } from './catch-up.ts';
import { Channels } from './channels.ts';
import type { Connection } from './connection.ts';
import { Ear, type Listener } from './ear.ts';
import { Inbox } from './inbox.ts';
import { Interest } from './interest.ts';
import { Membership } from './membership.ts';
import { Outbox } from './outbox.ts';
import { Pulses } from './pulses.ts';
import { Refusal } from './refusal.ts';
import { Sender } from './sender.ts';
import { Taps } from './taps.ts';
import { Voice } from './voice.ts';

/**
 *     the server ─▶ tap, taps ─▶ sender, outbox ─▶ ╭────────────╮ ─▶ channels, inbox ─▶ ear ─▶ the server
 *      of this         ▲                           │ connection │                        │
 *       node        refusal          voice ──────▶ ╰────────────╯ ◀── interest           ╰─▶ membership, pulses, catch-up
 */
export interface Rooms {
  readonly node: EngineNode;
  readonly connection: Connection;
  readonly membership: Membership;
  readonly channels: Channels;
  readonly interest: Interest;
  readonly tap: Tap;
  readonly taps: Taps;
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly refusal: Refusal;
  readonly inbox: Inbox;
  readonly catchUp: CatchUp;
  readonly pulses: Pulses;
  readonly ear: Ear;
  readonly voice: Voice;
  readonly addresses: NatsAddresses;
  readonly buckets: NatsBuckets | undefined;
}

/** @param observed what the node observes, as it changes; @param published hears what is published for other nodes */
export async function furnish(
  node: EngineNode,
  connection: Connection,
  observed: ReadonlySet<string>,
  listener: Listener,
  published: (message: ServerMessage) => void,
): Promise<Rooms> {
  const { id, url, alsoOn, server } = node;
  const { settings } = connection;
  const { heartbeat, leaveAfter, maxQueueBytes } = settings;
  const buckets = await NatsBuckets.on(connection, settings);
  const tap = await Tap.on(server, node.session, published);
  const taps = new Taps(tap);
  const membership = new Membership({ id, url, alsoOn }, { heartbeat, leaveAfter });
  const catchUp = new CatchUp(heartbeat, 2 * leaveAfter);
  const inbox = new Inbox(maxQueueBytes);
  const pulses = new Pulses(heartbeat);
  const ear = new Ear({ node, connection, membership, inbox, catchUp, pulses }, listener);
  const channels = new Channels(connection, (channel, message) => ear.broadcast(channel, message));
  const isOurs = (session: ServerSession) => session === node.session.serverSession || tap.isSession(session);
  const outbox = new Outbox(settings);
  return {
    node,
    connection,
    membership,
    channels,
    interest: new Interest(server, channels, settings, isOurs),
    tap,
    taps,
    outbox,
    sender: new Sender(connection, outbox, id, (other) => membership.record(other) !== undefined),
    refusal: new Refusal(node, outbox, (channel) => taps.isWanted(channel)),
    inbox,
    catchUp,
    pulses,
    ear,
    voice: new Voice(connection, node, observed, () => outbox.sent),
    addresses: new NatsAddresses(connection, () => membership.members.length),
    buckets,
  };
}
