/** Long-polling of the `CometD` object: also over XMLHttpRequest, and it learns whether other origins can be reached. */
import type { Envelope, Failure, Message } from '../message.ts';
import { world } from '../platform.ts';
import { contentType, HttpPollingTransport, type XhrLike, type XhrPacket } from './http-polling.ts';
import type { TransportRequest } from './request.ts';

export class LongPollingTransport extends HttpPollingTransport {
  /** Given to each XMLHttpRequest; platforms for Node keep cookies there. */
  context: unknown = undefined;
  _supportsCrossDomain = true;
  _worked = false;

  override accept(_version: string, crossDomain: boolean, _url: string): boolean {
    return this._supportsCrossDomain || !crossDomain;
  }

  override xhrSend(packet: XhrPacket): XhrLike {
    if (this._host.platform.request || world().fetch) return super.xhrSend(packet);
    return xhrRequest(packet, this.context);
  }

  override transportSuccess(envelope: Envelope, request: TransportRequest, responses: Message[]): void {
    this._worked = true;
    super.transportSuccess(envelope, request, responses);
  }

  override transportFailure(envelope: Envelope, request: TransportRequest, failure: Failure): void {
    if (!this._worked) this._supportsCrossDomain = false;
    super.transportFailure(envelope, request, failure);
  }

  override reset(init: boolean): void {
    super.reset(init);
    if (init) this._worked = false;
    this._supportsCrossDomain = true;
  }
}

function xhrRequest({ url, headers, body, onProgress, onSuccess, onError }: XhrPacket, context: unknown): XhrLike {
  const Xhr = world().XMLHttpRequest as typeof XMLHttpRequest | undefined;
  if (!Xhr) throw new Error('There is neither fetch nor XMLHttpRequest');
  const xhr = new Xhr();
  (xhr as { context?: unknown }).context = context;
  xhr.withCredentials = true;
  xhr.open('POST', url, true);
  for (const name of Object.keys(headers)) {
    // The type of the content is not the application's to choose.
    if (name.toLowerCase() !== 'content-type') xhr.setRequestHeader(name, headers[name] as string);
  }
  xhr.setRequestHeader('Content-Type', contentType);
  xhr.onprogress = () => onProgress?.();
  xhr.onload = () => (xhr.status === 200 ? onSuccess(xhr.responseText) : onError(xhr.statusText));
  xhr.onabort = xhr.onerror = () => onError(xhr.statusText);
  xhr.send(body);
  return xhr;
}
