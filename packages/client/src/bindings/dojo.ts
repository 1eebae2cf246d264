/** The binding for Dojo: the AMD module `dojox/cometd` is the default client, and HTTP goes through `dojo/request`. */
import type { CometD, LongPollingTransport } from '../global.ts';
import type { JsonpPacket } from '../transport/callback-polling.ts';
import type { XhrLike, XhrPacket } from '../transport/http-polling.ts';
import { withoutContentType } from './headers.ts';

type Names = typeof import('../global.ts');

/** What `dojo/request` promises. */
interface Pending {
  then(answered: (body: unknown) => void, failed: (error: RequestError) => void): unknown;
  cancel(): void;
  readonly response: {
    then(answered: (response: { status?: number }) => void, failed: (error: RequestError) => void): unknown;
  };
}

interface RequestError extends Error {
  readonly response?: { readonly status?: number };
}

type Request = (url: string, options: object) => Pending;

/** `dojo/_base/lang`. */
interface Lang {
  setObject(name: string, value: unknown): unknown;
}

/** Gives Dojo its clients: `dojox.CometD` and, as the value of the module, `dojox.cometd`. */
export function bind(lang: Lang, xhr: Request, script: Request, names: Names): CometD {
  const longPolling = (): LongPollingTransport => {
    const transport = names.Transport.derive(new names.LongPollingTransport());
    transport.xhrSend = ({ url, sync, body, headers, onSuccess, onError }: XhrPacket): XhrLike => {
      const call: XhrLike = { status: 0 };
      const pending = xhr(url, {
        method: 'POST',
        sync,
        data: body,
        // Dojo's own mark would be one more header for other origins to allow.
        headers: {
          'X-Requested-With': null,
          ...withoutContentType(headers),
          'Content-Type': 'application/json;charset=UTF-8',
        },
        // The client reads the text itself.
        handleAs: 'text',
        withCredentials: true,
      });
      pending.then(
        (response) => onSuccess(response),
        (error) => {
          call.status = error.response?.status ?? 0;
          onError(error.message, error);
        },
      );
      call.abort = () => pending.cancel();
      return call;
    };
    return transport;
  };

  const callbackPolling = (): InstanceType<Names['CallbackPollingTransport']> => {
    const transport = names.Transport.derive(new names.CallbackPollingTransport());
    transport.jsonpSend = ({ url, body, onSuccess, onError }: JsonpPacket) => {
      script(url, { jsonp: 'jsonp', query: { message: body } }).then(
        (responses) => onSuccess(responses),
        (error) => onError(error.message, error),
      );
    };
    return transport;
  };

  class DojoCometD extends names.CometD {
    constructor(name?: string) {
      super(name);
      this.unregisterTransport('long-polling');
      this.unregisterTransport('callback-polling');
      this.registerTransport('long-polling', longPolling());
      this.registerTransport('callback-polling', callbackPolling());
    }
  }

  const cometd = new DojoCometD();
  lang.setObject('dojox.CometD', DojoCometD);
  lang.setObject('dojox.cometd', cometd);
  return cometd;
}
