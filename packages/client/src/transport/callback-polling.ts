/** Callback-polling (JSONP): messages in the URL of a script, for old servers on other origins. */
import type { Envelope, Message } from '../message.ts';
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
    const name = `_cometd_jsonp_${this._callbacks++}`;
    const globals = world();
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
    if (fitting === 0) {
      const { maxURILength } = this._host.config;
      const bytes = encodeURI(this.convertToJSON(envelope.messages)).length;
      const exception = `Bayeux message too big (${bytes} bytes, max is ${maxURILength}) for transport ${this._type}`;
      this.setTimeout(() => this.transportFailure(envelope, request, { exception, sent: 'no' }), 0);
      return false;
    }
    if (fitting < envelope.messages.length) {
      const rest: Envelope = { ...envelope, messages: envelope.messages.slice(fitting) };
      envelope.messages = envelope.messages.slice(0, fitting);
      this._envelopes.unshift([rest, { id: ++this._requestIds, metaConnect: false }]);
      // With a free connection nothing else would take them from the queue.
      this.setTimeout(() => this._next(), 0);
    }
    let same = true;
    const later = (fn: () => void): void => {
      if (same) this.setTimeout(fn, 0);
      else fn();
    };
    try {
      this.jsonpSend({
        transport: this,
        url: envelope.url,
        sync: false,
        headers: {},
        body: this.convertToJSON(envelope.messages),
        onSuccess: (responses) =>
          later(() => {
            let received: Message[];
            try {
              received = this.convertToMessages(responses);
            } catch (exception) {
              this.transportFailure(envelope, request, { exception, sent: 'perhaps' });
              return;
            }
            this.transportSuccess(envelope, request, received);
          }),
        onError: (reason, exception) =>
          later(() =>
            this.transportFailure(envelope, request, { ...(reason && { reason }), exception, sent: 'perhaps' }),
          ),
      });
    } catch (exception) {
      this.setTimeout(() => this.transportFailure(envelope, request, { exception, sent: 'no' }), 0);
      return false;
    } finally {
      same = false;
    }
    return true;
  }

  _next(): void {
    if (this._requests.length >= this._host.config.maxConnections - 1) return;
    const next = this._envelopes.shift();
    if (!next) return;
    this._requests.push(next[1]);
    this._start(...next);
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
