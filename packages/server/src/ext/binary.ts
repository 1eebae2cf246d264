/** Bytes as the data of messages: `BinaryData` for the application, Z85 text on the wire. Book section 10.6. */
import { BayeuxError, decodeBinary, encodeBinary, isBinaryData } from '@cometd-ts/protocol';
import type { Extension, ServerSession, SessionExtension } from '../api.ts';
import type { ServerMessage } from '../message.ts';

/**
 * Decodes what clients send with `publishBinary` and `remoteCallBinary`, and encodes what is sent to them: the data of
 * such messages is `{ data, last, meta }`, a `BinaryData` with a `Uint8Array`. What cannot be decoded is refused with
 * `400:data.data:message_invalid`. Subscribers receive the mark `ext.binary` whatever the option `forwardFields` says.
 *
 * @example
 * server.addExtension(new BinaryExtension());
 * server.getChannel('/images')?.publish(null, { data: new Uint8Array(bytes), last: true, meta: { name: 'a.png' } });
 */
export class BinaryExtension implements Extension {
  rcv(_from: ServerSession | null, message: ServerMessage): boolean {
    return decoded(message);
  }

  send(_from: ServerSession | null, _to: ServerSession | null, message: ServerMessage): void {
    encodeBinary(message);
  }
}

/** The same for one session: what is sent to it is encoded anew, and not once for all subscribers. */
export class SessionBinaryExtension implements SessionExtension {
  rcv(_session: ServerSession, message: ServerMessage): boolean {
    return decoded(message);
  }

  send(_sender: ServerSession | null, _session: ServerSession, message: ServerMessage): ServerMessage {
    if (!isBinaryData(message.data)) return message;
    const copy = message.copy();
    encodeBinary(copy);
    return copy;
  }
}

/** False when the message is marked and holds no bytes: then its reply says so. */
function decoded(message: ServerMessage): boolean {
  try {
    decodeBinary(message);
    return true;
  } catch (error) {
    if (!(error instanceof BayeuxError)) throw error;
    const reply = message.associated;
    if (reply) {
      reply.successful = false;
      reply.error = error.wire;
      reply.handled = true;
    }
    return false;
  }
}
