/** The CometD object of this project, with its defaults. */
import { CometD } from '@cometd-ts/client/node';
import { type CometDLike, connectCometD } from './comet-d-peer.ts';
import type { Connect } from './peer.ts';

export const connect: Connect = (origin, transport, lost) =>
  connectCometD(new CometD() as CometDLike, origin, transport, lost);
