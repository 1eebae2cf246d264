/** A session that outlives its page: what the handshake said is kept while the browser loads the next one. */
import type { Message } from '../message.ts';
import { type Platform, world } from '../platform.ts';
import { Extension, type ExtensionHost } from './extension.ts';

export interface ReloadConfiguration {
  /** The key in the session storage. Default `org.cometd.reload`. */
  name?: string;
}

type Callback = (message: Message) => void;

/** What the reload extension needs of a client; `CometD` has it. */
export interface ReloadHost extends ExtensionHost {
  /**
   * Saves the session for the next page; to be called when the page goes. There while the extension is registered.
   * Throws what the storage throws, when it is full or not allowed.
   */
  reload?: ((configuration?: ReloadConfiguration | Event) => void) | undefined;
  readonly _platform?: Platform;
  getURL(): string | null | undefined;
  getTransport(): { abort(): void } | null | undefined;
  receive(message: Message): void;
  startBatch(): void;
  endBatch(): void;
  _getCallback(id: string | undefined): Callback | undefined;
  _putCallback(id: string | undefined, callback: Callback | undefined): unknown;
}

/** What is written into the session storage, as JSON. */
interface State {
  url?: string | null | undefined;
  handshakeResponse?: Message;
  transportType?: string | undefined;
}

/**
 * Lets a page take over the session of the page before it. Call `cometd.reload()` in a `beforeunload` or `pagehide`
 * listener; the next page does what the first one did, and its handshake is answered from the storage, with
 * `ext.reload` set to true. Register it last, because other extensions do not see a handshake that it answers.
 * Book section 10.7.
 */
export class ReloadExtension extends Extension<ReloadHost> {
  #name = 'org.cometd.reload';
  #state: State = {};
  #holding = false;
  #reloading = false;

  constructor(configuration?: ReloadConfiguration) {
    super();
    this.configure(configuration);
  }

  /** Changes the key. Anything else, such as the event of a listener, changes nothing. */
  configure(configuration?: ReloadConfiguration | Event): void {
    const name: unknown = (configuration as ReloadConfiguration | undefined)?.name;
    if (typeof name === 'string') this.#name = name;
  }

  override registered(name: string, cometd: ReloadHost): void {
    super.registered(name, cometd);
    cometd.reload = (configuration) => this.#save(cometd, configuration);
  }

  override unregistered(): void {
    if (this.cometd) delete this.cometd.reload;
    super.unregistered();
  }

  override incoming(message: Message): Message {
    const { channel, successful } = message;
    if (channel === '/meta/handshake') {
      if (!successful) this.#state = {};
      // One that is there already is being replayed, and other extensions may have changed the copy.
      else this.#state.handshakeResponse ??= message;
    } else if (channel === '/meta/connect') this.#release();
    else if (channel === '/meta/disconnect') {
      this.#release();
      this.#state = {};
    }
    return message;
  }

  override outgoing(message: Message): Message | null {
    const { channel, connectionType } = message;
    if (channel === '/meta/handshake') return this.#replays(message) ? null : message;
    if (channel === '/meta/disconnect') this.#state = {};
    if (channel !== '/meta/connect') return message;
    // The first connect the server sees after this must be the next page's.
    if (this.#reloading) return null;
    this.#state.transportType ??= connectionType;
    return message;
  }

  /** Hands the response to the client in a later turn. Overridable. */
  _receive(response: Message): void {
    this.cometd?.receive(response);
  }

  #save(cometd: ReloadHost, configuration?: ReloadConfiguration | Event): void {
    if (!this.#state.handshakeResponse?.successful) return;
    this.#reloading = true;
    this.configure(configuration);
    cometd.getTransport()?.abort();
    const state = JSON.stringify(this.#state);
    cometd._debug('ReloadExtension: saving', state);
    storageOf(cometd)?.setItem(this.#name, state);
  }

  /** Begins a new session, or takes over the one that was saved: then the handshake is not sent. */
  #replays(message: Message): boolean {
    const { cometd } = this;
    if (!cometd) return false;
    const url = cometd.getURL();
    const saved = this.#take(cometd);
    this.#state = { url };
    // A client that shakes hands has no batch open any more, and its page has stayed.
    this.#holding = false;
    this.#reloading = false;
    if (!saved?.handshakeResponse || saved.url !== url) return false;

    this.#state = saved;
    // The client forgets the callback of a message that is not sent.
    const callback = cometd._getCallback(message.id);
    const response = responseOf(saved, message.id);
    cometd.setTimeout(() => {
      cometd._debug('ReloadExtension: replaying', response);
      cometd._putCallback(message.id, callback);
      this._receive(response);
    }, 0);
    // The server may still hold a connect of the page before, and would answer that one, which nobody hears.
    // So nothing is sent until the first connect of this page has come back.
    this.#holding = true;
    cometd.startBatch();
    return true;
  }

  #release(): void {
    if (!this.#holding) return;
    this.#holding = false;
    this.cometd?.endBatch();
  }

  /** The state that was saved. It is removed, whatever it is. A storage that is not allowed counts as an empty one. */
  #take(cometd: ReloadHost): State | null {
    try {
      const storage = storageOf(cometd);
      const text = storage?.getItem(this.#name);
      if (!text) return null;
      storage?.removeItem(this.#name);
      return JSON.parse(text) as State;
    } catch (failure) {
      cometd._debug('ReloadExtension: cannot restore', failure);
      return null;
    }
  }
}

function storageOf(cometd: ReloadHost): Platform['sessionStorage'] {
  return cometd._platform?.sessionStorage ?? world().sessionStorage;
}

/** A copy of the saved response that answers the handshake of this page and stays with the transport of the last one. */
function responseOf({ handshakeResponse, transportType }: State, id: string | undefined): Message {
  const response = JSON.parse(JSON.stringify(handshakeResponse)) as Message;
  if (id !== undefined) response.id = id;
  response.ext = { ...response.ext, reload: true };
  if (transportType) response.supportedConnectionTypes = [transportType];
  return response;
}
