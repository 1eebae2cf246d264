/** Callback-polling (JSONP): messages in the URL of a script, for old servers on other origins. */
import type { Envelope } from '../message.ts';
import { world } from '../platform.ts';
import { RequestTransport, type TransportRequest } from './request.ts';

/** One exchange, as `jsonpSend` gets it. Bindings replace `jsonpSend` and know this shape. */
export interface JsonpPacket {
  transport: CallbackPollingTransport;
  url: string;
  sync: boolean;
  headers: Record<string, string>;
  body: string;
  onSuccess(responses: unknown): void;
  onError(reason?: string, exception?: unknown): void;
}

export class CallbackPollingTransport extends RequestTransport {
  override _type: string | null = 'callback-polling';
  _callbacks = 0;

  accept(_version: string, _crossDomain: boolean, _url: string): boolean {
    return true;
  }

  /** Adds a script element to the page; the script calls back with the messages. */
  jsonpSend(packet: JsonpPacket): void {
    const document = world().document as Document | undefined;
    if (!document) throw new Error('callback-polling needs a document');
    const head = document.getElementsByTagName('head')[0] ?? document.documentElement;
    const script = document.createElement('script');
    const globals = world();
    let name: string;
    // Other clients on the page have names of their own.
    do name = `_cometd_jsonp_${this._callbacks++}`;
    while (name in globals);
    const end = (): void => {
      delete globals[name];
      script.remove();
    };
    globals[name] = (responses: unknown): void => {
      end();
      packet.onSuccess(responses);
    };
    const separator = packet.url.includes('?') ? '&' : '?';
    script.src = `${packet.url}${separator}jsonp=${name}&message=${encodeURIComponent(packet.body)}`;
    script.async = packet.sync !== true;
    script.type = 'text/javascript';
    script.onerror = (event) => {
      end();
      packet.onError('jsonp error', event instanceof Event ? event.type : event);
    };
    head.appendChild(script);
  }

  transportSend(envelope: Envelope, request: TransportRequest): boolean {
    const fitting = this._fitting(envelope);
    const fail = (exception: unknown, sent: 'no' | 'perhaps', reason?: string): boolean => {
      this.transportFailure(envelope, request, { ...(reason && { reason }), exception, sent });
      return false;
    };
    if (fitting === 0) {
      const bytes = encodeURI(this.convertToJSON(envelope.messages)).length;
      const max = this._host.config.maxURILength;
      return fail(`Bayeux message too big (${bytes} bytes, max is ${max}) for transport ${this._type}`, 'no');
    }
    const rest = envelope.messages.slice(fitting);
    if (rest.length > 0) {
      envelope.messages = envelope.messages.slice(0, fitting);
      this._follow(request, envelope, [rest]);
    }
    try {
      this.jsonpSend({
        transport: this,
        url: envelope.url,
        sync: false,
        headers: {},
        body: this.convertToJSON(envelope.messages),
        onSuccess: (responses) => this._respond(envelope, request, responses),
        onError: (reason, exception) => fail(exception, 'perhaps', reason),
      });
    } catch (exception) {
      return fail(exception, 'no');
    }
    return true;
  }

  /** How many of the messages fit into one URL. */
  _fitting({ url, messages }: Envelope): number {
    const max = this._host.config.maxURILength - url.length;
    for (let count = messages.length; count > 0; count--) {
      if (encodeURI(this.convertToJSON(messages.slice(0, count))).length <= max) return count;
    }
    return 0;
  }
}
