/**
 * A line by a bucket, in which the parts of all nodes are kept: each is its last whole value, and the changes since.
 *
 *     [id of the node]         the whole part, of version v
 *     [id of the node, '0']    the change that made version v + 1, and so on; keys are taken again after the next whole part
 *
 * So a change costs one small write, whatever the size of the part, and a node that starts reads few large values. A whole part
 * is written when it was set, when the changes have outgrown it, and when something may not have been written.
 */
import type { LocalSession, Registration } from '@cometd-ts/server';
import type { Member } from '../engine.ts';
import { localSession } from '../local.ts';
import type { Oort } from '../oort.ts';
import { type Bucket, type BucketEntry, BucketError, type Buckets, type Watcher } from '../powers.ts';
import { objectServiceChannel } from '../wire.ts';
import type { Line, LineHolder } from './line.ts';
import { isItem, type ObjectRecord, pullRecord, versionOf } from './records.ts';
import { Tales } from './tales.ts';

/** Most bytes of a part as JSON. */
const MAX_BYTES = 64 * 1024 * 1024;
/** How long a start waits for the parts of the others. */
const PATIENCE = 30_000;
/** So many changes come after a whole part before it is asked whether they have outgrown it. */
const CHANGES = 1000;
/** Changes that are on their way at once, and whole parts. What comes then is in the whole part that follows them. */
const MAX_FLYING = 10_000;
const MAX_FLYING_WHOLE = 16;
/** What could not be written is tried again after this long, then after twice as long, and so on. */
const RETRY = 1000;
const MAX_RETRY = 30_000;
/** A node that is away for so long has left its part behind; it writes it again should it be back. */
const CLEANING = 60_000;

export class BucketLine implements Line, Watcher {
  readonly session: LocalSession;
  readonly #oort: Oort;
  readonly #name: string;
  readonly #holder: LineHolder;
  readonly #bucket: Bucket;
  readonly #tales: Tales;
  readonly #flying: Set<Promise<unknown>> = new Set();
  readonly #registrations: readonly Registration[];
  #watch: Registration | null = null;
  #opened: () => void = () => undefined;
  /** What the bucket has may not be all of our part. */
  #isStale = false;
  /** The whole of it was told. */
  #isKnown = false;
  /** The last version of it that was written, and that was told: each is told after the ones before. */
  #said = 0;
  #heard = 0;
  #flyingWhole = 0;
  /** Changes since the last whole part, and how many characters they have. */
  #changes = 0;
  #changed = 0;
  #retry: NodeJS.Timeout | undefined;
  #delay = RETRY;
  /** Parts of nodes that were not there already when it was looked for them last. */
  #strangers: Set<string> = new Set();
  readonly #cleaner: NodeJS.Timeout;

  private constructor(oort: Oort, name: string, session: LocalSession, bucket: Bucket, holder: LineHolder) {
    this.session = session;
    this.#oort = oort;
    this.#name = name;
    this.#holder = holder;
    this.#bucket = bucket;
    const { turns } = holder;
    this.#tales = new Tales((record) => holder.heard(record));
    for (const member of oort.members) turns.run(() => this.#joined(member));
    this.#registrations = [
      oort.addListener('cometJoined', (member) => turns.run(() => this.#joined(member))),
      oort.addListener('cometLeft', (member) => turns.run(() => this.#left(member))),
      oort.addListener('status', () => turns.run(() => this.#repairNow())),
      // Whoever cannot read a change asks for the whole.
      oort.server
        .createChannelIfAbsent(objectServiceChannel(name))
        .channel.addListener('message', (sender, _, { data }) => {
          if (oort.isOort(sender)) turns.run(() => holder.heard(data));
        }),
    ];
    this.#cleaner = setInterval(() => this.#clean(), CLEANING);
    this.#cleaner.unref();
  }

  /** Resolves when the parts of all nodes that are there have been told. */
  static async open(oort: Oort, buckets: Buckets, name: string, hint: string, holder: LineHolder): Promise<BucketLine> {
    const session = await localSession(oort.server, `${hint}.${name}`);
    let line: BucketLine | undefined;
    try {
      const bucket = await buckets.open(`object-${name}`, { maxBytes: MAX_BYTES });
      line = new BucketLine(oort, name, session, bucket, holder);
      await line.#begin();
      return line;
    } catch (error) {
      line?.hangUp();
      await session.disconnect();
      throw error;
    }
  }

  broadcast(record: () => ObjectRecord): void {
    // Without the cluster nobody is there to be told. What is stale will be written as a whole.
    if (!this.#oort.isStarted || this.#isStale) return;
    this.#guard(() => {
      const one = record();
      if (!isItem(one) || this.#isOutgrown(one)) return this.#writeWhole();
      if (this.#flying.size >= MAX_FLYING) return this.#outdated();
      this.#write([this.#oort.id, String(this.#changes++)], one);
    });
  }

  /** The bucket tells it. */
  greet(_url: string): void {
    return;
  }

  pull(url: string): void {
    this.#guard(() =>
      this.#oort.send(url, {
        channel: objectServiceChannel(this.#name),
        data: pullRecord(this.#oort.url, this.#name),
      }),
    );
  }

  answer(_url: string): void {
    if (this.#flyingWhole === 0) this.#guard(() => this.#writeWhole());
  }

  hangUp(): void {
    for (const registration of this.#registrations) registration.remove();
    this.#watch?.remove();
    clearInterval(this.#cleaner);
    clearTimeout(this.#retry);
  }

  async close(): Promise<void> {
    this.#repairNow();
    while (this.#flying.size > 0) await Promise.all(this.#flying);
    clearTimeout(this.#retry);
    if (this.#isStale && this.#oort.isStarted)
      this.#oort.server.diagnostics.warn(
        'oort_object_ghost',
        `The end of the object '${this.#name}' could not be told: its last part stays with other nodes until this node has left`,
      );
    if (this.session.isHandshook) await this.session.disconnect();
  }

  // What the bucket tells

  entry({ key, value }: BucketEntry): void {
    const [id] = key;
    if (id === undefined) return;
    if (id === this.#oort.id) return this.#heardOwn(key, value);
    this.#holder.turns.run(() => {
      if (typeof value === 'object' && value !== null) this.#tales.heard(id, value as ObjectRecord);
      else if (key.length === 1) this.#tales.gone(id);
    });
  }

  ready(): void {
    this.#holder.turns.run(() => {
      if (!this.#isKnown) this.#outdated();
      this.#repairNow();
      this.#opened();
    });
  }

  restarted(): void {
    this.#isKnown = false;
    this.#heard = 0;
    this.#holder.turns.run(() => this.#tales.restart());
  }

  /**
   * Our part is written again when something of it was removed, because somebody has taken us for dead, say, or was written by another,
   * and when an old write that was given up has come late and stands where a newer one was.
   */
  #heardOwn(key: readonly string[], value: unknown): void {
    const version = typeof value === 'object' && value !== null ? versionOf(value as ObjectRecord) : -1;
    const isSound = version >= this.#heard && version <= this.#said;
    if (isSound) this.#heard = version;
    if (key.length === 1) this.#isKnown = isSound;
    if (isSound) return;
    this.#holder.turns.run(() => {
      this.#outdated();
      this.#repair();
    });
  }

  // The other nodes

  #joined({ id, url }: Member): void {
    this.#holder.joined(url);
    if (!this.#tales.joined(id, url)) this.#readAnew();
  }

  #left({ id, url }: Member): void {
    this.#tales.left(id);
    this.#holder.left(url);
  }

  #readAnew(): void {
    this.restarted();
    this.#watch?.remove();
    this.#watch = this.#bucket.watch(this);
  }

  /** One node removes what others have left behind: of those whose part is there, the one with the least id. */
  #clean(): void {
    const strangers = this.#tales.ids.filter((id) => this.#tales.isStranger(id));
    const isFirst = this.#tales.ids.every((id) => this.#tales.isStranger(id) || id > this.#oort.id);
    const known = this.#strangers;
    this.#strangers = new Set(strangers);
    if (!isFirst) return;
    for (const id of strangers)
      if (known.has(id))
        this.#bucket.drop([id]).catch((error) => {
          this.#oort.server.diagnostics.count('oort_object_uncleaned');
          this.#oort.server.diagnostics.debug('oort_object', () => `${this.#name}: ${String(error)}`);
        });
  }

  // Writing

  async #begin(): Promise<void> {
    const whole = this.#holder.whole();
    this.#said = versionOf(whole);
    await this.#bucket.put([this.#oort.id], whole);
    this.#holder.standing(this);
    let timer: NodeJS.Timeout | undefined;
    let registration: Registration | undefined;
    const opened = new Promise<void>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new BucketError('down', `The parts of the object '${this.#name}' have not come: ${why}`));
      timer = setTimeout(fail, PATIENCE, `${PATIENCE} ms are over`);
      registration = this.#oort.addListener('status', ({ state, reason }) => state === 'down' && fail(reason));
      this.#opened = resolve;
    });
    this.#watch = this.#bucket.watch(this);
    await opened.finally(() => {
      clearTimeout(timer);
      registration?.remove();
    });
  }

  #writeWhole(): void {
    if (this.#flyingWhole >= MAX_FLYING_WHOLE) return this.#outdated();
    this.#changes = 0;
    this.#changed = 0;
    this.#flyingWhole++;
    const done = (): void => {
      this.#flyingWhole--;
    };
    this.#write([this.#oort.id], this.#holder.whole()).then(done);
  }

  /** Resolves when it is done, well or not. */
  #write(key: readonly string[], record: ObjectRecord): Promise<void> {
    this.#said = versionOf(record);
    const writing: Promise<void> = this.#bucket
      .put(key, record)
      .then(
        () => {
          this.#delay = RETRY;
        },
        (error) => this.#failed(error),
      )
      .then(() => {
        this.#flying.delete(writing);
        if (this.#flying.size === 0) this.#holder.turns.run(() => this.#repair());
      });
    this.#flying.add(writing);
    return writing;
  }

  /** Whether the changes since the last whole part, with this one, are more than the part itself. */
  #isOutgrown(record: ObjectRecord): boolean {
    const { jsonContext } = this.#oort.server.settings;
    this.#changed += jsonContext.generate(record).length;
    if (this.#changes < CHANGES || this.#changes % CHANGES > 0) return false;
    return this.#changed > jsonContext.generate(this.#holder.whole()).length;
  }

  #failed(error: unknown): void {
    const { diagnostics } = this.#oort.server;
    diagnostics.count('oort_object_unwritten');
    const isDown = error instanceof BucketError && error.code === 'down';
    if (!isDown) diagnostics.warn('oort_object', `The object '${this.#name}' cannot be written: ${String(error)}`);
    this.#outdated();
    if (this.#retry !== undefined) return;
    this.#retry = setTimeout(() => this.#holder.turns.run(() => this.#repairNow()), this.#delay);
    this.#retry.unref();
    this.#delay = Math.min(this.#delay * 2, MAX_RETRY);
  }

  #outdated(): void {
    this.#isStale = true;
  }

  /** Writes all of our part, if need be, when nothing else is under way and it can be. */
  #repair(): void {
    const { isStarted, status } = this.#oort;
    if (!this.#isStale || this.#flying.size > 0 || this.#retry !== undefined) return;
    if (!isStarted || status.state === 'down') return;
    this.#isStale = false;
    this.#guard(() => this.#writeWhole());
  }

  /** Without waiting for the time of the next attempt. */
  #repairNow(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#repair();
  }

  #guard(act: () => unknown): void {
    void this.#oort.server.diagnostics.guard('OortObject', undefined, act);
  }
}
