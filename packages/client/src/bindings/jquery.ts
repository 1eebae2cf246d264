/** The binding for jQuery: `$.cometd`, `$.CometD`, and HTTP through `$.ajax`, so that its settings and prefilters apply. */
import type { CometD, LongPollingTransport } from '../global.ts';
import type { JsonpPacket } from '../transport/callback-polling.ts';
import type { XhrLike, XhrPacket } from '../transport/http-polling.ts';
import { withoutContentType } from './headers.ts';

type Names = typeof import('../global.ts');

/** The part of jQuery that is used. */
interface JQuery {
  ajax(settings: object): XhrLike;
  cometd?: CometD;
  CometD?: new (name?: string) => CometD;
}

/** Gives jQuery its clients. Answers the default one, `$.cometd`. */
export function bind($: JQuery, names: Names): CometD {
  const longPolling = (): LongPollingTransport => {
    const transport = names.Transport.derive(new names.LongPollingTransport());
    transport.xhrSend = ({ url, sync, body, headers, onSuccess, onError, onProgress }: XhrPacket) =>
      $.ajax({
        url,
        async: !sync,
        type: 'POST',
        contentType: 'application/json;charset=UTF-8',
        headers: withoutContentType(headers),
        data: body,
        // The client reads the text itself.
        dataType: 'text',
        processData: false,
        global: false,
        xhrFields: { withCredentials: true, onprogress: onProgress },
        success: (response: unknown) => onSuccess(response),
        error: (_xhr: unknown, reason: string, exception: unknown) => onError(reason, exception || undefined),
      });
    return transport;
  };

  const callbackPolling = (): InstanceType<Names['CallbackPollingTransport']> => {
    const transport = names.Transport.derive(new names.CallbackPollingTransport());
    transport.jsonpSend = ({ url, sync, body, onSuccess, onError }: JsonpPacket) => {
      $.ajax({
        url,
        async: !sync,
        type: 'GET',
        dataType: 'jsonp',
        jsonp: 'jsonp',
        // By a script element always: jQuery runs what its own requests bring as a script, even if it is an error page.
        crossDomain: true,
        data: { message: body },
        global: false,
        success: (responses: unknown) => onSuccess(responses),
        error: (_xhr: unknown, reason: string, exception: unknown) => onError(reason, exception || undefined),
      });
    };
    return transport;
  };

  class JQueryCometD extends names.CometD {
    constructor(name?: string) {
      super(name);
      this.unregisterTransport('long-polling');
      this.unregisterTransport('callback-polling');
      this.registerTransport('long-polling', longPolling());
      this.registerTransport('callback-polling', callbackPolling());
    }
  }

  $.CometD = JQueryCometD;
  $.cometd = new JQueryCometD();
  return $.cometd;
}
