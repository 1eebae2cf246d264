/** What the classic script puts into `org.cometd`: the names that the CometD JavaScript library had before it became modules. */
import { Z85 as Codec } from '@cometd-ts/protocol';
import { CometD as Face } from './cometd.ts';

export { BayeuxError } from '@cometd-ts/protocol';
export { BayeuxClient } from './bayeux-client.ts';
export { ClientError } from './error.ts';
export { AckExtension } from './ext/ack.ts';
export { BinaryExtension } from './ext/binary.ts';
export { Extension } from './ext/extension.ts';
export { ReloadExtension } from './ext/reload.ts';
export { TimeStampExtension } from './ext/timestamp.ts';
export { TimeSyncExtension } from './ext/timesync.ts';
export { UpgradeExtension } from './ext/upgrade.ts';
export { TransportRegistry } from './negotiation.ts';
export { CallbackPollingTransport } from './transport/callback-polling.ts';
export { LongPollingTransport } from './transport/long-polling.ts';
export { RequestTransport } from './transport/request.ts';
export { Transport } from './transport/transport.ts';
export { WebSocketTransport } from './transport/websocket.ts';

/**
 * `CometD` as scripts know it: `receive` is only the way in for messages that the application injects, and what comes
 * from the network does not pass a `receive` that was replaced.
 */
export class CometD extends Face {
  constructor(name?: string) {
    super(name, { receivesThroughMethod: false });
  }
}

/** Small helpers that third-party extensions and transports use. */
export const Utils: { isString(value: unknown): boolean } = {
  isString: (value) => typeof value === 'string' || value instanceof String,
};

type Bytes = ArrayBuffer | ArrayBufferView | readonly number[];

/** Bytes as Z85 text, and back as an `ArrayBuffer`. */
export const Z85: { encode(bytes: Bytes): string; decode(text: string): ArrayBuffer } = {
  encode: (bytes) =>
    Codec.encode(
      ArrayBuffer.isView(bytes)
        ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        : new Uint8Array(bytes as ArrayBuffer),
    ),
  decode: (text) => {
    const bytes = Codec.decode(text);
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  },
};
