/** What long-polling and callback-polling share: one slot for the connect, a few for the rest, and a queue behind them. */
import { adopt, type Envelope, type Failure, type Message } from '../message.ts';
import { Transport } from './transport.ts';
import { type Wait, Waits } from './waits.ts';

/** One HTTP request. */
export interface TransportRequest extends Wait {
  id: number;
  metaConnect: boolean;
  envelope: Envelope;
  /** Over: what comes later is not heard. */
  expired?: boolean;
  /** It is just being sent: what ends it must wait until that is done. */
  sending?: boolean;
  /** What must be over before this one leaves: the part of the batch before it. */
  after?: TransportRequest;
  xhr?: { status?: number; abort?(): void } | undefined;
}

export abstract class RequestTransport extends Transport {
  _requestIds = 0;
  _metaConnectRequest: TransportRequest | null = null;
  _requests: TransportRequest[] = [];
  _queue: TransportRequest[] = [];
  readonly _waits: Waits = new Waits();

  /** Sends one request. False: it has failed already. */
  abstract transportSend(envelope: Envelope, request: TransportRequest): unknown;

  send(envelope: Envelope, metaConnect: boolean): void {
    const current = this._metaConnectRequest;
    if (metaConnect && current) {
      throw new Error(`Concurrent /meta/connect requests not allowed, request id=${current.id} not yet completed`);
    }
    const request = this._request(envelope, metaConnect);
    if (metaConnect) {
      this._metaConnectRequest = request;
      this._start(request);
    } else {
      this._queue.push(request);
      this._next();
    }
  }

  _request(envelope: Envelope, metaConnect = false): TransportRequest {
    const delay = this._delay(metaConnect);
    return { id: ++this._requestIds, metaConnect, envelope, messages: [], delay, since: 0, due: 0, heard: 0 };
  }

  /** What does not fit into a request follows it, before all else. */
  _follow(request: TransportRequest, envelope: Envelope, rest: readonly Message[][]): void {
    let after = request;
    const parts = rest.map((messages) => {
      after = { ...this._request({ ...envelope, messages }), after };
      return after;
    });
    this._queue.unshift(...parts);
  }

  /** Sends what waits, while there are free connections. */
  _next(): void {
    while (this._requests.length < this._host.config.maxConnections - 1) {
      const [request] = this._queue;
      if (!request || (request.after && !request.after.expired)) return;
      this._queue.shift();
      this._requests.push(request);
      this._start(request);
    }
  }

  _start(request: TransportRequest): void {
    request.sending = true;
    const sent = this.transportSend(request.envelope, request);
    request.sending = false;
    request.messages = request.envelope.messages;
    if (sent && !request.expired) this._waits.start(this, request);
  }

  _late(request: TransportRequest): void {
    const { id, delay, xhr } = request;
    const reason = `Transport ${this._type} expired waiting for message replies of request ${id}: ${delay} ms`;
    this.transportFailure(request.envelope, request, { reason, httpCode: this.xhrStatus(xhr), sent: 'perhaps' });
    xhr?.abort?.();
  }

  /** Any byte that arrives is a sign of life. */
  transportProgress(request: TransportRequest): void {
    request.heard = Date.now();
  }

  /** What came back, as text or as messages. */
  _respond(envelope: Envelope, request: TransportRequest, response: unknown): void {
    let received: Message[];
    try {
      received = this.convertToMessages(response);
    } catch (exception) {
      this._debug('Could not read a response', exception);
      this.transportFailure(envelope, request, { exception, httpCode: this.xhrStatus(request.xhr), sent: 'perhaps' });
      return;
    }
    this.transportSuccess(envelope, request, received);
  }

  transportSuccess(envelope: Envelope, request: TransportRequest, responses: Message[]): void {
    if (request.sending) {
      this.setTimeout(() => this.transportSuccess(envelope, request, responses), 0);
      return;
    }
    if (request.expired) return;
    const { xhr } = request;
    const unanswered = adopt(responses, envelope.messages);
    const empty = responses.length === 0;
    this._complete(request, true);
    if (!empty) envelope.onSuccess(responses);
    if (unanswered.length === 0) return;
    const failure: Failure = { httpCode: empty ? 204 : this.xhrStatus(xhr), sent: 'perhaps' };
    if (!empty) failure.reason = 'The response has no reply to this message';
    envelope.onFailure(xhr, unanswered, failure);
  }

  transportFailure(envelope: Envelope, request: TransportRequest, failure: Failure): void {
    if (request.sending) {
      this.setTimeout(() => this.transportFailure(envelope, request, failure), 0);
      return;
    }
    if (request.expired) return;
    this._complete(request, false);
    envelope.onFailure(request.xhr, envelope.messages, failure);
  }

  /** The slot is free again: the next request goes out, or fails if this one did. */
  _complete(request: TransportRequest, success: boolean): void {
    request.expired = true;
    this._waits.end(request);
    if (this._metaConnectRequest === request) this._metaConnectRequest = null;
    const at = this._requests.indexOf(request);
    if (at < 0) return;
    this._requests.splice(at, 1);
    const [next] = this._queue;
    if (success) {
      if (next && this._host.config.autoBatch) this._coalesce(next.envelope);
      this._next();
    } else if (next) {
      this._queue.shift();
      this._requests.push(next);
      const failure: Failure = { reason: 'Previous request failed', httpCode: -1, sent: 'no' };
      this.setTimeout(() => this.transportFailure(next.envelope, next, failure), 0);
    }
  }

  _coalesce(envelope: Envelope): void {
    while (this._queue[1]?.envelope.url === envelope.url) {
      const [more] = this._queue.splice(1, 1);
      if (more) envelope.messages = envelope.messages.concat(more.envelope.messages);
    }
  }

  override abort(): void {
    for (const request of [...this._requests, this._metaConnectRequest]) {
      if (!request || request.expired) continue;
      this.transportFailure(request.envelope, request, { reason: 'abort', sent: 'perhaps' });
      request.xhr?.abort?.();
    }
    this._clear('abort');
    this.reset(false);
  }

  override reset(_init: boolean): void {
    this._metaConnectRequest = null;
    this._clear('Reset');
  }

  /** What waits for a free connection fails. */
  _clear(reason: string): void {
    for (const { envelope } of this._queue.splice(0)) {
      this.setTimeout(() => envelope.onFailure(undefined, envelope.messages, { reason, sent: 'no' }), 0);
    }
  }

  xhrStatus(xhr: { status?: number } | undefined): number {
    return xhr?.status ?? -1;
  }
}
