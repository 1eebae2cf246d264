/** Nodes of a mesh in one process, with real sockets between them, closed when their test ends. */
import { type Member, Oort, type OortOptions } from '@cometd-ts/oort';
import { type MeshEngine, type MeshOptions, meshEngine } from '@cometd-ts/oort/mesh';
import type { BayeuxServer, ServerOptions } from '@cometd-ts/server';
import { type Launched, launch, type Scheme } from '@cometd-ts/testkit';
import { onTestFinished, vi } from 'vitest';

export interface House {
  readonly server: BayeuxServer;
  readonly launched: Launched;
  readonly oort: Oort;
  readonly engine: MeshEngine;
  readonly url: string;
  /** `joined <url>`, `left <url>`. */
  readonly life: string[];
  readonly members: Member[];
  stop(): Promise<void>;
}

export interface HouseOptions extends Partial<Omit<OortOptions, 'engine'>> {
  readonly server?: ServerOptions;
  readonly mesh?: MeshOptions;
  readonly port?: number;
  readonly scheme?: Scheme;
  /** Runs before it joins. */
  readonly prepare?: (house: House) => void | Promise<void>;
}

export const secret = 's3cr3t';

/** Swift enough for tests. */
export const swift: ServerOptions = {
  logLevel: 'silent',
  maxInterval: 800,
  timeout: 1500,
  sweepPeriod: 50,
  maxMessageSize: 1_048_576,
};

export async function node({
  server,
  mesh,
  port = 0,
  scheme = 'http',
  prepare,
  ...oort
}: HouseOptions = {}): Promise<House> {
  const launched = await launch({ port, scheme, options: { ...swift, ...server } });
  const engine = meshEngine({ secret, backoffIncrement: 100, maxBackoff: 300, joinRetry: 100, ...mesh });
  const url = oort.url ?? launched.url;
  const house: House = {
    server: launched.bayeux,
    launched,
    engine,
    url,
    oort: new Oort(launched.bayeux, { url, engine, ...oort }),
    life: [],
    members: [],
    stop: async () => {
      await house.oort.stop();
      await launched.close();
    },
  };
  house.oort.addListener('cometJoined', (member) => {
    house.life.push(`joined ${member.url}`);
    house.members.push(member);
  });
  house.oort.addListener('cometLeft', (member) => house.life.push(`left ${member.url}`));
  onTestFinished(() => house.stop());
  await prepare?.(house);
  await house.oort.start();
  return house;
}

/** Waits until what is expected is so; up to 8 s, which only a failure takes. */
export function eventually(expected: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(expected, { timeout: 8000, interval: 5 });
}
