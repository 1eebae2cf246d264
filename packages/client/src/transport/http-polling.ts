/** Long-polling over fetch, or over what the platform has instead. */
import type { Envelope, Failure } from '../message.ts';
import { type HttpCall, type HttpRequest, world } from '../platform.ts';
import { RequestTransport, type TransportRequest } from './request.ts';

/** One exchange, as `xhrSend` gets it. Bindings replace `xhrSend` and know this shape. */
export interface XhrPacket {
  transport: HttpPollingTransport;
  url: string;
  sync: boolean;
  headers: Record<string, string>;
  body: string;
  /** Takes the text of the response, or the messages in it. */
  onSuccess(response: unknown): void;
  onError(reason?: string, exception?: unknown): void;
  onProgress(): void;
}

/** What `xhrSend` answers: enough of an XMLHttpRequest to abort it and to learn its status. */
export interface XhrLike {
  status?: number;
  abort?(): void;
}

/** Long-polling where there is fetch, which is everywhere today. */
export class HttpPollingTransport extends RequestTransport {
  override _type: string | null = 'long-polling';

  accept(_version: string, _crossDomain: boolean, _url: string): boolean {
    return true;
  }

  /** Sends one POST. */
  xhrSend(packet: XhrPacket): XhrLike {
    const { platform, config } = this._host;
    const { onSuccess, onError } = packet;
    const call: XhrLike = { status: 0 };
    const request: HttpRequest = {
      url: packet.url,
      headers: packet.headers,
      body: packet.body,
      maxBytes: config.maxResponseSize,
      onProgress: packet.onProgress,
      onResponse: (status, statusText, text) => {
        call.status = status;
        if (status === 200) onSuccess(text);
        else onError(statusText);
      },
      onError,
    };
    const sent = platform.request ? platform.request(request) : fetchRequest(request);
    call.abort = () => sent.abort();
    return call;
  }

  transportSend(envelope: Envelope, request: TransportRequest): boolean {
    const [first, ...others] = this._parts(envelope, request.xhr);
    if (!first) {
      this.setTimeout(() => this._complete(request, true), 0);
      return false;
    }
    this._follow(
      request,
      envelope,
      others.map(({ messages }) => messages),
    );
    envelope.messages = first.messages;
    this._headers(
      (headers) => request.expired || this._post(envelope, request, first.text, headers),
      (failure) => this.transportFailure(envelope, request, failure),
    );
    return true;
  }

  _post(envelope: Envelope, request: TransportRequest, body: string, headers: Record<string, string>): void {
    const fail = (reason?: string, exception?: unknown): void => {
      const sent = neverLeft(exception) ? 'no' : 'perhaps';
      const failure = { reason, exception, httpCode: this.xhrStatus(request.xhr), sent };
      this.transportFailure(envelope, request, failure as Failure);
    };
    try {
      request.xhr = this.xhrSend({
        transport: this,
        url: envelope.url,
        sync: false,
        headers,
        body,
        onProgress: () => this.transportProgress(request),
        onSuccess: (response) => this._respond(envelope, request, response),
        onError: fail,
      });
    } catch (exception) {
      fail(undefined, exception);
    }
  }
}

/** Whether the connection was never made: nothing can have reached the server. */
function neverLeft(exception: unknown): boolean {
  const { code, cause } = (exception ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(`${code ?? cause?.code}`);
}

/** The header that all requests have, whatever the application sets. */
export const contentType = 'application/json;charset=UTF-8';

function fetchRequest(request: HttpRequest): HttpCall {
  const controller = new AbortController();
  const headers = new Headers(request.headers);
  headers.set('Content-Type', contentType);
  exchange(request, {
    method: 'POST',
    headers,
    body: request.body,
    credentials: 'include',
    signal: controller.signal,
  });
  return { abort: () => controller.abort() };
}

/** Reads piece by piece: each is a sign of life, and a body without end is given up. */
async function exchange(
  { url, maxBytes, onProgress, onResponse, onError }: HttpRequest,
  init: RequestInit,
): Promise<void> {
  try {
    const response = await (world().fetch as typeof fetch)(url, init);
    const { status, statusText, body } = response;
    // Some platforms have no streams.
    if (!body) return onResponse(status, statusText, await response.text());
    const decoder = new TextDecoder();
    const reader = body.getReader();
    let text = '';
    for (;;) {
      onProgress();
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value, { stream: true });
      if (maxBytes && text.length > maxBytes) {
        await reader.cancel();
        throw new Error(`The response exceeds maxResponseSize, which is ${maxBytes}`);
      }
    }
    onResponse(status, statusText, text + decoder.decode());
  } catch (error) {
    onError('', error);
  }
}
