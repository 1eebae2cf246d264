/** The connection to NATS: made once, held for ever, and always clear about whether it is there. */
import { readFileSync } from 'node:fs';
import type { JSONContext } from '@cometd-ts/protocol';
import type { BayeuxServer, Registration } from '@cometd-ts/server';
import type * as client from '@nats-io/transport-node';
import type {
  NatsConnection,
  NodeConnectionOptions,
  Payload,
  PublishOptions,
  Status,
  Subscription,
} from '@nats-io/transport-node';
import { NatsError, reasonOf } from './error.ts';
import type { NatsSettings } from './options.ts';
import type { Subjects } from './subjects.ts';
import { requireJetStream, requireVersion } from './version.ts';

type Client = typeof client;

/**
 * How often a silent connection is asked whether it is still there, in ms; after so many questions without an answer it is not. This process
 * may be what stood still, or much may be on its way ahead of the answer: that is no reason to lose a connection that works.
 */
const PING = 1000;
const PINGS = 4;
/** What older servers can do was not tried. */
const OLDEST = '2.9.0';
/** How long an attempt to connect, handshake included, may take. */
const DIAL = 3000;
/** Pause between two attempts, and how much more it may be by chance. */
const PAUSE = 250;
const JITTER = 500;
/** How many subjects are told that this node may not publish to. */
const MAX_TOLD = 10;

/** A subscription that is made again when it was forbidden, and may be allowed by now. */
export class Listening {
  readonly subject: string;
  readonly #subscribe: () => Subscription;
  #subscription: Subscription;
  #isOver = false;

  constructor(subject: string, subscribe: () => Subscription) {
    this.subject = subject;
    this.#subscribe = subscribe;
    this.#subscription = subscribe();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  unsubscribe(): void {
    this.#isOver = true;
    this.#subscription.unsubscribe();
  }

  again(): void {
    if (!this.#isOver) this.#subscription = this.#subscribe();
  }
}

/**
 * What the engine, the addresses and the buckets share. When it is down nothing may be handed to `nats`, which would keep it until
 * the next attempt to connect, and forget it then: `publish` refuses instead. Subscriptions are its own, and are made again.
 */
export class Connection {
  readonly nats: NatsConnection;
  /** Functions of the client that are no methods, such as `headers()`. It is loaded when the first engine starts. */
  readonly client: Client;
  readonly json: JSONContext;
  readonly diagnostics: BayeuxServer['diagnostics'];
  readonly subjects: Subjects;
  readonly settings: NatsSettings;
  readonly #listeners: Set<(isUp: boolean) => void> = new Set();
  readonly #forbidden: Set<Listening> = new Set();
  /** Subjects, the first of them. */
  readonly #unpublished: Set<string> = new Set();
  #isUp = true;
  #answeredAt: number = performance.now();
  #reason = '';
  #lastError = '';
  #isClosing = false;

  private constructor(nats: NatsConnection, loaded: Client, settings: NatsSettings, server: BayeuxServer) {
    this.nats = nats;
    this.client = loaded;
    this.settings = settings;
    this.subjects = settings.subjects;
    this.json = server.settings.jsonContext;
    this.diagnostics = server.diagnostics;
    void this.#follow(nats.status());
  }

  /** Rejects with `NatsError`; with `unreachable` when no server was found in time. */
  static async open(settings: NatsSettings, server: BayeuxServer, name: string): Promise<Connection> {
    const loaded = await load();
    const options = optionsOf(loaded, settings, name);
    const until = performance.now() + settings.connectTimeout;
    for (;;) {
      try {
        const nats = await loaded.connect(options);
        try {
          requireVersion(nats.info, OLDEST, 'A cluster');
          if (settings.jetStream) requireJetStream(nats.info, 'This node (option jetStream)');
        } catch (error) {
          await nats.close();
          throw error;
        }
        return new Connection(nats, loaded, settings, server);
      } catch (error) {
        if (error instanceof NatsError) throw error;
        if (error instanceof loaded.AuthorizationError || error instanceof loaded.UserAuthenticationExpiredError)
          throw new NatsError('denied', `NATS does not let this node in: ${error.message} (${where(settings)})`, {
            cause: error,
          });
        if (
          !(error instanceof loaded.ConnectionError || error instanceof loaded.TimeoutError) ||
          performance.now() > until
        )
          throw new NatsError('unreachable', `NATS cannot be reached at ${where(settings)}: ${reasonOf(error)}`, {
            cause: error,
          });
        await pause();
      }
    }
  }

  /** What subjects of answers begin with, when the application wants it otherwise. */
  get inboxPrefix(): string | undefined {
    return (this.settings.connection as Partial<NodeConnectionOptions> | undefined)?.inboxPrefix;
  }

  /** Whether a server is there, as far as is known: a connection that is broken without a word is noticed in a few seconds. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** For how long the server has answered no question of `flushed`, in ms. */
  get silence(): number {
    return performance.now() - this.#answeredAt;
  }

  /** Why it is down; empty when it is not. */
  get reason(): string {
    return this.#reason;
  }

  /** False when the connection is down: nothing was sent. Throws what the client throws for what NATS cannot carry. */
  publish(subject: string, payload?: Payload, options?: PublishOptions): boolean {
    if (!this.#isUp) return false;
    this.nats.publish(subject, payload, options);
    return true;
  }

  /** Calls `heard` for each message of a subject, through the guard of the server. What NATS forbids is tried again when the connection is new. */
  subscribe(subject: string, heard: (message: client.Msg) => void, queue?: string): Listening {
    const listening = new Listening(subject, () =>
      this.nats.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: (error, message) => {
          // An error is a violation of permissions, which the status tells, too.
          if (error) this.#forbidden.add(listening);
          else this.diagnostics.guard('nats', undefined, () => heard(message));
        },
      }),
    );
    return listening;
  }

  /** What NATS has forbidden since the connection was made, for people. */
  get forbidden(): string[] {
    const deaf = [...this.#forbidden].filter(({ isOver }) => !isOver);
    return [
      ...deaf.map(({ subject }) => `NATS does not allow this node to subscribe to ${subject}`),
      ...[...this.#unpublished].map((subject) => `NATS does not allow this node to publish to ${subject}`),
    ];
  }

  /** Calls `listener` when the connection is lost, and when it is there again. */
  onChange(listener: (isUp: boolean) => void): Registration {
    this.#listeners.add(listener);
    return { remove: () => void this.#listeners.delete(listener) };
  }

  /** What was sent is sent, if the connection is up; then it is closed. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#isUp &&= await this.flushed();
    await this.nats.close();
    this.#isUp = false;
  }

  /** Resolves with true when the server has everything that was sent so far; with false when the connection broke before. */
  async flushed(): Promise<boolean> {
    if (!this.#isUp) return false;
    return this.nats.flush().then(
      () => {
        this.#answeredAt = performance.now();
        return true;
      },
      () => false,
    );
  }

  async #follow(statuses: AsyncIterable<Status>): Promise<void> {
    for await (const status of statuses) this.#heard(status);
    if (this.#isClosing) return;
    const error = await this.nats.closed();
    this.#change(false, `the client of NATS has given up: ${reasonOf(error ?? 'no reason given')}`);
    this.diagnostics.failed('nats', error ?? new NatsError('unreachable', this.#reason));
  }

  #heard(status: Status): void {
    switch (status.type) {
      case 'disconnect':
        this.#change(false, `the connection to ${status.server} is lost${this.#lastError && `: ${this.#lastError}`}`);
        this.#lastError = '';
        return;
      case 'reconnect':
        this.#unpublished.clear();
        for (const listening of this.#forbidden) listening.again();
        this.#forbidden.clear();
        return this.#change(true, '');
      case 'staleConnection':
        this.#lastError = 'the server does not answer';
        return;
      case 'error':
        return this.#complained(status.error);
      case 'ldm':
        this.diagnostics.count('nats.lame_duck');
        return this.diagnostics.warn(
          'nats_lame_duck',
          `The NATS server ${status.server} shuts down: this node goes to another`,
        );
    }
  }

  #complained(error: Error): void {
    this.#lastError = error.message;
    if (error instanceof this.client.PermissionViolationError) {
      const { operation, subject } = error;
      if (operation === 'publish' && this.#unpublished.size < MAX_TOLD) this.#unpublished.add(subject);
      this.diagnostics.count('nats.denied');
      this.diagnostics.warn(
        'nats_denied',
        `NATS does not allow this node the ${operation} of ${subject}: give its account ${this.subjects.namespace}.> (see the permissions in the guide)`,
      );
    } else {
      this.diagnostics.count('nats.error');
      this.diagnostics.warn('nats_error', `NATS complains: ${error.message}`);
    }
  }

  #change(isUp: boolean, reason: string): void {
    this.#reason = reason;
    if (this.#isUp === isUp || this.#isClosing) return;
    this.#isUp = isUp;
    this.diagnostics.count(isUp ? 'nats.reconnect' : 'nats.disconnect');
    if (isUp) this.diagnostics.info(`NATS is there again: ${this.nats.getServer()}`);
    else this.diagnostics.warn('nats_down', `NATS is away: ${reason}`);
    this.diagnostics.notify('nats', [...this.#listeners], isUp);
  }
}

async function load(): Promise<Client> {
  try {
    return await import('@nats-io/transport-node');
  } catch (error) {
    throw new NatsError(
      'packages',
      'A cluster on NATS needs its client: npm install @nats-io/transport-node @nats-io/jetstream',
      { cause: error },
    );
  }
}

function optionsOf(loaded: Client, settings: NatsSettings, name: string): NodeConnectionOptions {
  const { servers, user, password, token, credentials, nkey, tls, connection } = settings;
  const options: NodeConnectionOptions = {
    servers: [...servers],
    name,
    noEcho: true,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: PAUSE,
    reconnectJitter: JITTER,
    reconnectJitterTLS: JITTER,
    pingInterval: PING,
    maxPingOut: PINGS,
    timeout: DIAL,
    noAsyncTraces: true,
  };
  if (user !== undefined) options.user = user;
  if (password !== undefined) options.pass = password;
  if (token !== undefined) options.token = token;
  if (tls !== undefined || servers.some((server) => server.startsWith('tls://'))) options.tls = tls ?? {};
  if (credentials !== undefined) options.authenticator = loaded.credsAuthenticator(() => readFileSync(credentials));
  if (nkey !== undefined) options.authenticator = loaded.nkeyAuthenticator(new TextEncoder().encode(nkey));
  return { ...options, ...connection };
}

function where({ servers }: NatsSettings): string {
  return servers.map((server) => server.replace(/\/\/[^@/]*@/, '//')).join(', ');
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}
