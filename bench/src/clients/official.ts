/** The official CometD client for JavaScript, with the project's own helper for Node.js. */
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { type CometDLike, connectCometD } from './comet-d-peer.ts';
import type { Connect } from './peer.ts';

export const connect: Connect = (origin, transport, lost) => {
  adapt();
  return connectCometD(new CometD() as unknown as CometDLike, origin, transport, lost);
};
