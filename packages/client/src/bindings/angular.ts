/**
 * The binding for AngularJS: the module `cometd` has a service of this name, HTTP goes through `$http` with its
 * interceptors, and what messages change is seen at once, because they arrive within a digest.
 */
import type { CometD, Extension, Transport } from '../global.ts';
import type { Envelope } from '../message.ts';
import type { JsonpPacket } from '../transport/callback-polling.ts';
import type { XhrLike, XhrPacket } from '../transport/http-polling.ts';
import { withoutContentType } from './headers.ts';

type Names = typeof import('../global.ts');

/** The parts of AngularJS that are used. */
interface Angular {
  module(name: string, requires: readonly string[]): Module;
}

interface Module {
  factory(name: string, injected: readonly unknown[]): Module;
  run(injected: readonly unknown[]): Module;
}

interface RootScope {
  CometD?: new (name?: string) => CometD;
  readonly $$phase?: string | null;
  $apply(fn: () => void): void;
}

interface Response {
  readonly data: unknown;
  readonly status: number;
  readonly statusText: string;
}

interface Http {
  (config: object): Answer;
  jsonp(url: unknown, config: object): Answer;
}

interface Answer {
  then(answered: (response: Response) => void, failed: (response: Response) => void): unknown;
}

interface Q {
  defer(): { readonly promise: unknown; resolve(): void };
}

interface Sce {
  trustAsResourceUrl(url: string): unknown;
}

/** Defines the module `cometd`, and one for each extension: `cometd-ack`, `cometd-binary` and so on. */
export function bind(angular: Angular, names: Names): void {
  const cometdOf = ($rootScope: RootScope, $http: Http, $q: Q, $sce: Sce): (new (name?: string) => CometD) => {
    const inDigest = (fn: () => void): void => {
      // Answers of $http come in a digest already, those of a WebSocket do not.
      if ($rootScope.$$phase) fn();
      else $rootScope.$apply(fn);
    };

    /** Makes all that a transport reports happen within a digest. */
    const digesting = <Kind extends Transport>(base: Kind): Kind => {
      const transport = names.Transport.derive(base);
      transport.send = (envelope: Envelope, metaConnect: boolean) => {
        const { onSuccess, onFailure } = envelope;
        envelope.onSuccess = (messages) => inDigest(() => onSuccess(messages));
        envelope.onFailure = (conduit, messages, failure) => inDigest(() => onFailure(conduit, messages, failure));
        base.send.call(transport, envelope, metaConnect);
      };
      return transport;
    };

    const xhrSend = ({ url, body, headers, onSuccess, onError, onProgress }: XhrPacket): XhrLike => {
      const abortion = $q.defer();
      const call: XhrLike = { status: 0, abort: () => abortion.resolve() };
      $http({
        method: 'POST',
        url,
        data: body,
        headers: { ...withoutContentType(headers), 'Content-Type': 'application/json;charset=UTF-8' },
        withCredentials: true,
        timeout: abortion.promise,
        eventHandlers: { progress: onProgress },
        // The client writes and reads the text itself.
        transformRequest: (data: unknown) => data,
        transformResponse: (data: unknown) => data,
      }).then(
        ({ data, status }) => {
          call.status = status;
          if (status === 200) onSuccess(data);
          else onError();
        },
        ({ status, statusText }) => {
          call.status = Math.max(status, 0);
          onError(statusText);
        },
      );
      return call;
    };

    const jsonpSend = ({ url, body, onSuccess, onError }: JsonpPacket): void => {
      $http.jsonp($sce.trustAsResourceUrl(url), { jsonpCallbackParam: 'jsonp', params: { message: body } }).then(
        ({ data }) => onSuccess(data),
        ({ statusText }) => onError(statusText || 'jsonp error'),
      );
    };

    return class AngularCometD extends names.CometD {
      constructor(name?: string) {
        super(name);
        const webSocket = this.unregisterTransport('websocket');
        this.unregisterTransports();
        const longPolling = digesting(new names.LongPollingTransport());
        longPolling.xhrSend = xhrSend;
        const callbackPolling = digesting(new names.CallbackPollingTransport());
        callbackPolling.jsonpSend = jsonpSend;
        if (webSocket) this.registerTransport('websocket', digesting(new names.WebSocketTransport()));
        this.registerTransport('long-polling', longPolling);
        this.registerTransport('callback-polling', callbackPolling);
      }
    };
  };

  angular
    .module('cometd', [])
    .factory('cometd', [
      '$rootScope',
      '$http',
      '$q',
      '$sce',
      ($rootScope: RootScope, $http: Http, $q: Q, $sce: Sce): CometD => {
        $rootScope.CometD = cometdOf($rootScope, $http, $q, $sce);
        return new $rootScope.CometD();
      },
    ])
    // The constructor is there even before anything asks for the service.
    .run(['cometd', () => undefined]);

  const extension = (name: string, create: ($rootScope: RootScope) => Extension | object): void => {
    const register = (cometd: CometD, $rootScope: RootScope): unknown =>
      cometd.registerExtension(name, create($rootScope));
    angular.module(`cometd-${name}`, ['cometd']).run(['cometd', '$rootScope', register]);
  };
  extension('ack', () => new names.AckExtension());
  extension('binary', () => new names.BinaryExtension());
  extension('timestamp', () => new names.TimeStampExtension());
  extension('timesync', () => new names.TimeSyncExtension());
  extension('reload', ($rootScope) => {
    const reload = new names.ReloadExtension();
    const receive = reload._receive;
    // A handshake that is answered from the storage comes through no transport.
    reload._receive = (response) => $rootScope.$apply(() => receive.call(reload, response));
    return reload;
  });
}
