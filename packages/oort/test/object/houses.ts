/** Nodes with objects, and means to listen to what travels between them and to lose some of it. */
import { onTestFinished } from 'vitest';
import type { Cloud, House } from '../clouds.ts';

/** One object on each of some nodes, which know each other. */
export async function objects<O extends { start(): Promise<void>; stop(): Promise<void> }>(
  cloud: Cloud,
  houses: readonly House[],
  make: (house: House) => O,
): Promise<O[]> {
  const all: O[] = [];
  for (const house of houses) {
    const object = make(house);
    await object.start();
    onTestFinished(() => object.stop());
    all.push(object);
  }
  await cloud.settled();
  return all;
}

/** What of an object arrives at a node from others, as `channel text`, in order. */
export function wiretap({ server, oort }: House): string[] {
  const lines: string[] = [];
  for (const pattern of ['/oort/objects/*', '/service/oort/objects/*'])
    server.createChannelIfAbsent(pattern).channel.addListener('message', (sender, _channel, { channel, data }) => {
      if (oort.isOort(sender)) lines.push(`${channel} ${server.settings.jsonContext.generate(data)}`);
    });
  return lines;
}

/** Loses what arrives at a node and matches, as long as `lost` says so. */
export function lose({ server, oort }: House, lost: (text: string) => boolean): void {
  for (const pattern of ['/oort/objects/*', '/service/oort/objects/*'])
    server.createChannelIfAbsent(pattern).channel.addListener('message', (sender, _channel, { data }) => {
      return !(oort.isOort(sender) && lost(server.settings.jsonContext.generate(data)));
    });
}
