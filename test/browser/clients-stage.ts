/** What runs inside the pages of these tests: our clients, and a notebook of what they were told. */
import {
  BayeuxClient,
  type BayeuxClientOptions,
  CallbackPollingTransport,
  CometD,
  type CometDConfiguration,
  type Message,
  type Status,
} from '@cometd-ts/client';
import { hasty } from '../integration/our-visits.ts';

export { AckExtension, BinaryExtension, CometD, ReloadExtension } from '@cometd-ts/client';
export { cometdVisit, typedVisit } from '../integration/our-visits.ts';

declare global {
  /** The exports of this module, in every page. */
  var stage: typeof import('./clients-stage.ts');
}

/** The clients of this page. */
export const here: { typed?: BayeuxClient; cometd?: CometD } = {};
/** Everything of note, in order. */
export const notes: string[] = [];
/** The same for statuses, whole. */
export const statuses: Status[] = [];
let look: (() => void)[] = [];

export function note(text: string): void {
  notes.push(text);
  for (const one of [...look]) one();
}

/** Resolves when a note from number `from` on begins with this text; with what is noted until then. */
export function noted(text: string, from = 0, within = 15_000): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      look = look.filter((one) => one !== see);
    };
    const see = () => {
      const at = notes.findIndex((line, index) => index >= from && line.startsWith(text));
      if (at < 0) return;
      end();
      resolve(notes.slice(from, at + 1));
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error(`no note "${text}" within ${within} ms since number ${from}, but ${notes.join(' | ')}`));
    }, within);
    look.push(see);
    see();
  });
}

/** A `BayeuxClient` whose every status is noted, and what it hears in `/room`; callback-polling is added when asked for. */
export function typed(url: string, options: BayeuxClientOptions = {}): BayeuxClient {
  const client = new BayeuxClient(url, { ...hasty, jitter: 0, ...options });
  here.typed = client;
  client.addListener('status', (status) => {
    statuses.push(status);
    note(
      `status ${status.type}${status.type === 'connected' ? ` recovered=${status.recovered} gap=${status.gap}` : ''}`,
    );
  });
  client.addListener('exception', (error) => note(`exception ${error}`));
  client.addListener('restored', ({ channels, refused }) => note(`restored ${channels} refused ${refused}`));
  return client;
}

/** Shakes hands, and subscribes to `/room`; what is heard there is noted. Answers the session's id. */
export async function enter(url: string, options: BayeuxClientOptions = {}): Promise<string> {
  const client = typed(url, options);
  await client.handshake();
  await client.getChannel('/room').subscribe(({ data }) => note(`heard ${data}`));
  await client.waitFor('connected', { timeout: 10_000 });
  return `${client.id}`;
}

/** Callback-polling for the typed client. */
export function callbackPolling(): CallbackPollingTransport & { connectionType: string } {
  return Object.assign(new CallbackPollingTransport(), { connectionType: 'callback-polling' });
}

/** A `CometD` with these transports that subscribes to `/room` in a handshake listener, as the book says. */
export function cometd(url: string, transports: readonly string[], options: CometDConfiguration = {}): CometD {
  const client = new CometD();
  here.cometd = client;
  for (const type of client.getTransportTypes()) if (!transports.includes(type)) client.unregisterTransport(type);
  client.configure({ url, ...hasty, ...options });
  client.onTransportException = (_failure, from, to) => note(`transport exception ${from} ${to}`);
  for (const channel of ['/meta/handshake', '/meta/connect', '/meta/disconnect']) {
    client.addListener(channel, ({ successful }: Message) => note(`${channel} ${successful}`));
  }
  client.addListener('/meta/handshake', ({ successful }: Message) => {
    if (!successful) return;
    client.subscribe(
      '/room',
      ({ data }: Message) => note(`heard ${data}`),
      (reply: Message) => note(`subscribed ${reply.successful}`),
    );
  });
  return client;
}

/** A chunk of bytes as it arrived: the kind of object, whether more follows, and the bytes in hex. */
export function described({ data }: Message): string {
  const { data: bytes, last, meta } = data as { data: unknown; last?: boolean; meta?: unknown };
  const kind = Object.prototype.toString.call(bytes).slice(8, -1);
  const values = bytes instanceof ArrayBuffer ? [...new Uint8Array(bytes)] : [];
  return `${kind} last=${last} meta=${JSON.stringify(meta)} ${values.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** The same bytes three times: a buffer, and two views of the middle of a larger one. */
export function allBytes(): { buffer: ArrayBuffer; view: Uint8Array; dataView: DataView } {
  const large = new Uint8Array(300).fill(0xaa);
  for (let value = 0; value < 256; value++) large[value + 20] = value;
  const view = large.subarray(20, 276);
  return { buffer: view.slice().buffer, view, dataView: new DataView(large.buffer, 20, 256) };
}

/** Stands still: no timer fires and no message is read until the server answers. Nothing else stops a page really, here. */
export function standStill(url: string): void {
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.send();
}

/** What the browser does to a page that is shown or hidden, as far as a page can tell. */
export function show(visibilityState: DocumentVisibilityState): void {
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => visibilityState });
  document.dispatchEvent(new Event('visibilitychange'));
}
