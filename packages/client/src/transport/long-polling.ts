/** Long-polling: messages as JSON over HTTP POST, by fetch, by XMLHttpRequest, or by what the platform injects. */
import type { Envelope, Message } from '../message.ts';
import { type HttpCall, type HttpRequest, type World, world } from '../platform.ts';
import { RequestTransport, type TransportRequest } from './request.ts';

/** One exchange, as `xhrSend` gets it. Bindings replace `xhrSend` and know this shape. */
export interface XhrPacket {
  transport: LongPollingTransport;
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

export class LongPollingTransport extends RequestTransport {
  /** Given to each XMLHttpRequest; platforms for Node keep cookies there. */
  context: unknown = undefined;
  _supportsCrossDomain = true;
  _worked = false;

  accept(_version: string, crossDomain: boolean, _url: string): boolean {
    return this._supportsCrossDomain || !crossDomain;
  }

  /** Sends one POST. */
  xhrSend(packet: XhrPacket): XhrLike {
    const { platform } = this._host;
    const globals = world();
    const call: XhrLike & { status: number } = { status: 0 };
    let over = false;
    const end = (fn: () => void): void => {
      if (over) return;
      over = true;
      fn();
    };
    const request: HttpRequest = {
      url: packet.url,
      headers: packet.headers,
      body: packet.body,
      maxBytes: this._host.config.maxResponseSize,
      onProgress: () => packet.onProgress?.(),
      onResponse: (status, statusText, text) => {
        call.status = status;
        end(() => (status === 200 ? packet.onSuccess(text) : packet.onError(statusText)));
      },
      onError: (reason, exception) => end(() => packet.onError(reason, exception)),
    };
    if (!platform.request && !globals.fetch) return xhrRequest(globals, request, this.context);
    const sent = platform.request ? platform.request(request) : fetchRequest(globals, request);
    call.abort = () => {
      sent.abort();
      end(() => this.setTimeout(() => packet.onError('abort'), 0));
    };
    return call;
  }

  transportSend(envelope: Envelope, request: TransportRequest): boolean {
    const lost: Message[] = [];
    const parts = this._parts(envelope.messages, (message, failure) => {
      lost.push(message);
      this.setTimeout(() => envelope.onFailure(request.xhr, [message], failure), 0);
    });
    const [first, ...others] = parts;
    if (lost.length > 0) envelope.messages = envelope.messages.filter((message) => !lost.includes(message));
    if (!first) {
      this.setTimeout(() => this._complete(request, true), 0);
      return false;
    }
    if (others.length > 0) {
      const rest = others.map((part): [Envelope, TransportRequest] => [
        { ...envelope, messages: part.messages },
        { id: ++this._requestIds, metaConnect: false },
      ]);
      this._envelopes.unshift(...rest);
      envelope.messages = first.messages;
    }
    const headers = this._host.config.requestHeaders;
    if (typeof headers !== 'function') return this._post(envelope, request, first.text, headers);
    Promise.resolve()
      .then(headers)
      .then(
        (fields) => {
          if (!request.expired) this._post(envelope, request, first.text, fields);
        },
        (exception: unknown) => {
          this.transportFailure(envelope, request, { reason: 'requestHeaders failed', exception, sent: 'no' });
        },
      );
    return true;
  }

  _post(envelope: Envelope, request: TransportRequest, body: string, headers: Record<string, string>): boolean {
    let same = true;
    const fail = (reason?: string, exception?: unknown): void => {
      if (!this._worked) this._supportsCrossDomain = false;
      const failure = {
        reason,
        exception,
        httpCode: this.xhrStatus(request.xhr),
        sent: neverLeft(exception) ? ('no' as const) : ('perhaps' as const),
      };
      const tell = (): void =>
        this.transportFailure(envelope, request, failure as Parameters<typeof this.transportFailure>[2]);
      if (same) this.setTimeout(tell, 0);
      else tell();
    };
    try {
      request.xhr = this.xhrSend({
        transport: this,
        url: envelope.url,
        sync: false,
        headers,
        body,
        onProgress: () => this.transportProgress(request),
        onSuccess: (response) => {
          let received: Message[];
          try {
            received = this.convertToMessages(response);
          } catch (exception) {
            this._debug('Conversion handling exception', exception);
            fail(undefined, exception);
            return;
          }
          this._worked = true;
          const succeed = (): void => this.transportSuccess(envelope, request, received);
          if (same) this.setTimeout(succeed, 0);
          else succeed();
        },
        onError: (reason, exception) => fail(reason, exception),
      });
    } catch (exception) {
      fail(undefined, exception);
      return false;
    } finally {
      same = false;
    }
    return true;
  }

  override reset(init: boolean): void {
    super.reset(init);
    if (init) this._worked = false;
    this._supportsCrossDomain = true;
  }
}

/** Errors of connections that were never made: nothing can have reached the server. */
const unreached = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;

function neverLeft(exception: unknown): boolean {
  const { code, cause } = (exception ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  return unreached.test(`${code ?? cause?.code}`);
}

/** The header that all requests have, whatever the application sets. */
const contentType = 'application/json;charset=UTF-8';

function fetchRequest({ fetch, AbortController }: World, request: HttpRequest): HttpCall {
  const controller = AbortController && new AbortController();
  const headers = new Headers(request.headers);
  headers.set('Content-Type', contentType);
  exchange(fetch as typeof globalThis.fetch, request, {
    method: 'POST',
    headers,
    body: request.body,
    credentials: 'include',
    redirect: 'follow',
    ...(controller && { signal: controller.signal }),
  });
  return { abort: () => controller?.abort() };
}

async function exchange(send: typeof fetch, request: HttpRequest, init: RequestInit): Promise<void> {
  try {
    const response = await send(request.url, init);
    request.onProgress();
    const text = response.body ? await read(response.body, request) : await response.text();
    request.onResponse(response.status, response.statusText, text);
  } catch (error) {
    request.onError('', error);
  }
}

/** Reads piece by piece: each is a sign of life, and a body without end is given up. */
async function read(body: ReadableStream<Uint8Array>, request: HttpRequest): Promise<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    request.onProgress();
    text += decoder.decode(value, { stream: true });
    if (request.maxBytes && text.length > request.maxBytes) {
      await reader.cancel();
      throw new Error(`The response exceeds maxResponseSize, which is ${request.maxBytes}`);
    }
  }
}

function xhrRequest({ XMLHttpRequest: Xhr }: World, request: HttpRequest, context: unknown): XhrLike {
  if (!Xhr) throw new Error('There is neither fetch nor XMLHttpRequest');
  const xhr = new (Xhr as typeof XMLHttpRequest)();
  (xhr as { context?: unknown }).context = context;
  xhr.withCredentials = true;
  xhr.open('POST', request.url, true);
  for (const name of Object.keys(request.headers)) {
    // The type of the content is not the application's to choose.
    if (name.toLowerCase() !== 'content-type') xhr.setRequestHeader(name, request.headers[name] as string);
  }
  xhr.setRequestHeader('Content-Type', contentType);
  xhr.onprogress = () => request.onProgress();
  xhr.onload = () => request.onResponse(xhr.status, xhr.statusText, xhr.responseText);
  xhr.onabort = xhr.onerror = () => request.onError(xhr.statusText);
  xhr.send(request.body);
  return xhr;
}
