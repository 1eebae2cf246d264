/** Clients that publish and hear, and note both in a history. */
import { setTimeout as pause } from 'node:timers/promises';
import { AckExtension, BayeuxClient } from '@cometd-ts/client/node';
import { BayeuxError } from '@cometd-ts/protocol';
import type { History, Mark } from '@cometd-ts/testkit';
import { expect } from 'vitest';
import { eventually, type Node } from './nodes.ts';

export const channel = '/news';

/** What a history has found when all is well. */
export const clean = { ghosts: [], unexpected: [], duplicates: [], inversions: [], lost: [] };

/** A client at a node that publishes and hears, and notes both. */
export class Voice {
  readonly name: string;
  readonly client: BayeuxClient;
  /** What the server has answered when it refused a publish, as on the wire. */
  readonly refusals: string[] = [];
  readonly #history: History;
  #speaking: Promise<void> | undefined;
  #isOver = false;

  static async at(node: Node, name: string, history: History): Promise<Voice> {
    const client = new BayeuxClient(node.url, { extensions: [new AckExtension()] });
    await client.handshake();
    await client.getChannel(channel).subscribe(({ data }) => history.heard(name, channel, data as Mark));
    history.subscribed(name, channel);
    return new Voice(name, client, history);
  }

  private constructor(name: string, client: BayeuxClient, history: History) {
    this.name = name;
    this.client = client;
    this.#history = history;
  }

  /** Publishes one after the other, until `hush`. @param pace a pause after each, in ms */
  speak(pace = 0): void {
    this.#speaking = this.#speak(pace);
  }

  async hush(): Promise<void> {
    this.#isOver = true;
    await this.#speaking;
  }

  /** Its node is gone for good. */
  async leave(): Promise<void> {
    this.#isOver = true;
    this.client.abort();
    await this.#speaking;
  }

  async #speak(ms: number): Promise<void> {
    while (!this.#isOver) {
      const mark = this.#history.publish(this.name, channel);
      try {
        await this.client.getChannel(channel).publish(mark);
        this.#history.confirmed(mark);
      } catch (error) {
        if (error instanceof BayeuxError) {
          this.#history.refused(mark);
          this.refusals.push(error.wire);
        } else if (this.client.status.type === 'disconnected' && !this.#isOver) throw error;
        // Of all others nobody knows whether they were heard: the history counts them as neither.
      }
      if (ms > 0) await pause(ms);
    }
  }
}

/** One client at each node. */
export async function voices(nodes: readonly Node[], history: History): Promise<Voice[]> {
  const found: Voice[] = [];
  for (const [index, node] of nodes.entries()) found.push(await Voice.at(node, `v${index}`, history));
  return found;
}

/** Everybody has heard the last word of everybody, so whatever is on its way has arrived. */
export async function fallSilent(all: readonly Voice[], history: History): Promise<void> {
  for (const voice of all) await voice.hush();
  const last: Mark[] = [];
  for (const { client, name } of all) {
    const mark = history.publish(name, channel);
    await client.getChannel(channel).publish(mark);
    history.confirmed(mark);
    last.push(mark);
  }
  await eventually(() => {
    const lost = history.check().lost.filter((line) => last.some(({ p, n }) => line.startsWith(`${p}#${n} `)));
    expect(lost).toEqual([]);
  });
  for (const { client } of all) await client.disconnect();
}
