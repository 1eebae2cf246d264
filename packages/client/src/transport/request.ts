/** What long-polling and callback-polling share: one slot for the connect, a few for the rest, and a queue behind them. */
import { adopt, type Envelope, type Failure, type Message } from '../message.ts';
import { Transport } from './transport.ts';

/** One HTTP request. */
export interface TransportRequest {
  id: number;
  metaConnect: boolean;
  envelope?: Envelope;
  expired?: boolean;
  timeout?: unknown;
  xhr?: { status?: number; abort?(): void } | undefined;
}

/** Bytes that keep arriving keep a request alive, but not for more than this many times its delay. */
const patience = 3;

/** A timer that fires this late was throttled, or the machine slept: what arrived meanwhile has not been read yet. */
const throttled = 2000;

export abstract class RequestTransport extends Transport {
  _requestIds = 0;
  _metaConnectRequest: TransportRequest | null = null;
  _requests: TransportRequest[] = [];
  _envelopes: [Envelope, TransportRequest][] = [];

  /** Sends one request. False: it has failed already. */
  abstract transportSend(envelope: Envelope, request: TransportRequest): unknown;

  send(envelope: Envelope, metaConnect: boolean): void {
    if (metaConnect) this._metaConnectSend(envelope);
    else this._queueSend(envelope);
  }

  _metaConnectSend(envelope: Envelope): void {
    if (this._metaConnectRequest) {
      throw new Error(
        `Concurrent /meta/connect requests not allowed, request id=${this._metaConnectRequest.id} not yet completed`,
      );
    }
    const request: TransportRequest = { id: ++this._requestIds, metaConnect: true };
    this._metaConnectRequest = request;
    this._start(envelope, request);
  }

  _queueSend(envelope: Envelope): void {
    const request: TransportRequest = { id: ++this._requestIds, metaConnect: false };
    if (this._requests.length < this._host.config.maxConnections - 1) {
      this._requests.push(request);
      this._start(envelope, request);
    } else {
      this._envelopes.push([envelope, request]);
    }
  }

  _start(envelope: Envelope, request: TransportRequest): void {
    request.envelope = envelope;
    if (this.transportSend(envelope, request)) this._watch(envelope, request);
  }

  /** Fails the request when its reply is late, unless bytes still arrive. */
  _watch(envelope: Envelope, request: TransportRequest): void {
    const delay = this._delay(request.metaConnect);
    const start = Date.now();
    const watch: Watch = { heard: start };
    const arm = (wait: number): void => {
      const due = Date.now() + wait;
      request.timeout = this.setTimeout(() => {
        const now = Date.now();
        if (now - due > throttled) watch.heard = now;
        const quiet = now - watch.heard;
        if (quiet < delay && watch.heard > start && now - start < delay * patience) return arm(delay - quiet);
        const more = this.notifyTransportTimeout(envelope.messages);
        if (more > 0) return arm(more);
        this._expire(envelope, request, delay);
      }, wait);
    };
    watches.set(request, watch);
    arm(delay);
  }

  _expire(envelope: Envelope, request: TransportRequest, delay: number): void {
    request.expired = true;
    request.xhr?.abort?.();
    const reason = `Transport ${this._type} expired waiting for message replies of request ${request.id}: ${delay} ms`;
    this._complete(request, false);
    envelope.onFailure(request.xhr, envelope.messages, {
      reason,
      httpCode: this.xhrStatus(request.xhr),
      sent: 'perhaps',
    });
  }

  /** Any byte that arrives is a sign of life. */
  transportProgress(request: TransportRequest): void {
    const watch = watches.get(request);
    if (watch) watch.heard = Date.now();
  }

  transportSuccess(envelope: Envelope, request: TransportRequest, responses: Message[]): void {
    if (request.expired) return;
    this.clearTimeout(request.timeout);
    this._complete(request, true);
    if (responses.length === 0) {
      envelope.onFailure(request.xhr, envelope.messages, { httpCode: 204, sent: 'perhaps' });
      return;
    }
    const unanswered = adopt(responses, envelope.messages);
    envelope.onSuccess(responses);
    if (unanswered.length === 0) return;
    const reason = 'The response has no reply to this message';
    envelope.onFailure(request.xhr, unanswered, { reason, httpCode: this.xhrStatus(request.xhr), sent: 'perhaps' });
  }

  transportFailure(envelope: Envelope, request: TransportRequest, failure: Failure): void {
    if (request.expired) return;
    request.expired = true;
    this.clearTimeout(request.timeout);
    this._complete(request, false);
    envelope.onFailure(request.xhr, envelope.messages, failure);
  }

  /** The slot is free again: the next envelope goes out, or fails if this one did. */
  _complete(request: TransportRequest, success: boolean): void {
    if (request.metaConnect) {
      if (this._metaConnectRequest === request) this._metaConnectRequest = null;
      return;
    }
    const at = this._requests.indexOf(request);
    if (at < 0) return;
    this._requests.splice(at, 1);
    const next = this._envelopes.shift();
    if (!next) return;
    const [envelope, queued] = next;
    this._requests.push(queued);
    if (success) {
      if (this._host.config.autoBatch) this._coalesce(envelope);
      this._start(envelope, queued);
      return;
    }
    this.setTimeout(() => {
      queued.envelope = envelope;
      this.transportFailure(envelope, queued, { reason: 'Previous request failed', httpCode: -1, sent: 'no' });
    }, 0);
  }

  _coalesce(envelope: Envelope): void {
    for (let next = this._envelopes[0]; next && next[0].url === envelope.url; next = this._envelopes[0]) {
      this._envelopes.shift();
      envelope.messages = envelope.messages.concat(next[0].messages);
    }
  }

  override abort(): void {
    for (const request of [...this._requests, this._metaConnectRequest]) {
      if (!request || request.expired) continue;
      request.xhr?.abort?.();
      const { envelope } = request;
      if (envelope) this.transportFailure(envelope, request, { reason: 'abort', sent: 'perhaps' });
    }
    this.reset(false);
  }

  override reset(init: boolean): void {
    super.reset(init);
    const waiting = this._envelopes;
    this._envelopes = [];
    this._metaConnectRequest = null;
    for (const [envelope] of waiting) {
      this.setTimeout(() => envelope.onFailure(undefined, envelope.messages, { reason: 'Reset', sent: 'no' }), 0);
    }
  }

  xhrStatus(xhr: { status?: number } | undefined): number {
    return typeof xhr?.status === 'number' ? xhr.status : -1;
  }
}

interface Watch {
  heard: number;
}

/** Beside the requests, whose shape belongs to those who derive transports. */
const watches: WeakMap<TransportRequest, Watch> = new WeakMap();
