/** The registry of channels, and the way from one channel to all whose subscribers and listeners its messages concern. */
import { ChannelId, type ChannelIdOptions, META_CHANNELS } from '@cometd-ts/protocol';
import type { ChannelInitializer, ServerEvents } from '../api.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { Listeners } from '../listeners.ts';
import { Channel, type ChannelHost } from './channel.ts';

export class Channels {
  /** How names are read here: which characters they may have. */
  readonly naming: ChannelIdOptions;
  readonly #byName: Map<string, Channel> = new Map();
  readonly #host: ChannelHost;
  readonly #listeners: Listeners<ServerEvents>;
  readonly #diagnostics: Diagnostics;
  /** Grows with every channel added or removed; a route is good while it has not. */
  #version = 0;
  #remoteCount = 0;
  readonly #routes: WeakMap<ChannelId, { version: number; channels: readonly Channel[] }> = new WeakMap();

  constructor(
    host: ChannelHost,
    listeners: Listeners<ServerEvents>,
    diagnostics: Diagnostics,
    naming: ChannelIdOptions,
  ) {
    this.naming = naming;
    this.#host = host;
    this.#listeners = listeners;
    this.#diagnostics = diagnostics;
    for (const name of META_CHANNELS) this.createIfAbsent(name);
  }

  get(name: string): Channel | undefined {
    return this.#byName.get(name);
  }

  get list(): readonly Channel[] {
    return [...this.#byName.values()];
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Channels that exist because remote clients asked for them. */
  get remoteCount(): number {
    return this.#remoteCount;
  }

  /**
   * The channel of that name. A new one is configured by the initialisers before anybody else can see it, then announced.
   * Throws `RangeError` for an illegal name.
   */
  createIfAbsent(
    name: string,
    initializers: readonly ChannelInitializer[] = [],
    isRemote = false,
  ): { channel: Channel; created: boolean } {
    const existing = this.#byName.get(name);
    if (existing) {
      existing.used();
      return { channel: existing, created: false };
    }
    const channel = this.transient(name, isRemote);
    this.#diagnostics.notify('channel initializer', initializers, channel);
    this.#diagnostics.notify('configureChannel listener', this.#listeners.of('configureChannel'), channel);
    this.#byName.set(name, channel);
    this.#version++;
    if (isRemote) this.#remoteCount++;
    this.#diagnostics.notify('channelAdded listener', this.#listeners.of('channelAdded'), channel);
    return { channel, created: true };
  }

  /** A channel that is in no registry: it serves one message that nobody may be listening to. */
  transient(name: string, isRemote = true): Channel {
    return new Channel(this.#host, new ChannelId(name, this.naming), isRemote);
  }

  /** The existing channels that a message on `id` concerns, from `/**` down to the exact one. Costs as much as the id is deep. */
  route(id: ChannelId): readonly Channel[] {
    const known = this.#routes.get(id);
    if (known?.version === this.#version) return known.channels;
    const channels: Channel[] = [];
    for (const name of id.lineage) {
      const channel = this.#byName.get(name);
      if (channel) channels.push(channel);
    }
    this.#routes.set(id, { version: this.#version, channels });
    return channels;
  }

  /** One pass over all channels; those unused for three passes are removed. */
  sweep(): void {
    for (const channel of this.#byName.values()) {
      if (channel.sweep()) this.remove(channel);
    }
  }

  remove(channel: Channel): void {
    if (this.#byName.get(channel.id) !== channel) return;
    this.#byName.delete(channel.id);
    this.#version++;
    if (channel.isRemote) this.#remoteCount--;
    channel.removed();
    this.#diagnostics.notify('channelRemoved listener', this.#listeners.of('channelRemoved'), channel.id);
  }

  /** The server stops: only the meta channels are left, without a word. */
  clear(): void {
    for (const channel of this.#byName.values()) if (!channel.isMeta) this.#byName.delete(channel.id);
    this.#remoteCount = 0;
    this.#version++;
  }
}
