/** The classic script: what it defines, for whom, and that it works in an engine that has hardly anything. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CometD } from '@cometd-ts/client';
import * as names from '@cometd-ts/client/browser/cometd.js';
import { type Launched, launch } from '@cometd-ts/testkit';
import * as official9 from 'cometd';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, openEngine, type Shape, Tab } from './classic-engine.ts';
import { type Hotel, openHotel } from './hotel.ts';
import { goodVisit, officialVisit } from './official-visit.ts';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '../..');
const extensions = ['Ack', 'Binary', 'Reload', 'TimeStamp', 'TimeSync'].map((name) => `${name}Extension`);
const engines: Engine[] = [];
let script: string;

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'packages/client/bundle.js')]);
  script = readFileSync(join(root, 'packages/client/dist/browser/cometd.js'), 'utf8');
});

afterEach(() => {
  for (const engine of engines.splice(0)) engine.close();
});

function engineWith(scripts: string[], ...shape: Parameters<typeof openEngine>): Engine {
  const engine = openEngine(...shape);
  engines.push(engine);
  for (const one of scripts) engine.run(one);
  return engine;
}

/** Names of an engine's object and the kinds of their values. */
function kindsIn(engine: Engine, object: string): Record<string, string> {
  return JSON.parse(
    engine.run(
      `JSON.stringify(Object.fromEntries(Object.keys(${object}).map((name) => [name, typeof ${object}[name]])))`,
    ) as string,
  );
}

/** The official client of the 7.x line, as its pages load it. */
function official7(): string[] {
  return ['cometd', ...extensions].map((file) => readFileSync(require.resolve(`cometd7/${file}.js`), 'utf8'));
}

describe('the classic script', () => {
  it('has every name of the official 7.x script, and the same kind of value there', () => {
    const theirs = kindsIn(engineWith(official7(), 'global'), 'org.cometd');
    expect(Object.keys(theirs)).toEqual(expect.arrayContaining(['CometD', 'Utils', 'Z85', ...extensions]));
    expect(kindsIn(engineWith([script], 'global'), 'org.cometd')).toMatchObject(theirs);
  });

  it('has every method of the official 7.x object that is public or used by extensions and bindings', () => {
    const object = 'new org.cometd.CometD()';
    const { _isCrossDomain, ...theirs } = kindsIn(engineWith(official7(), 'global'), object);
    expect(_isCrossDomain).toBe('function');
    expect(kindsIn(engineWith([script], 'global'), object)).toMatchObject(theirs);
  });

  it('has every name of the official 9.x module, and the same kind of value there', () => {
    const theirs = Object.fromEntries(Object.entries(official9).map(([name, value]) => [name, typeof value]));
    expect(kindsIn(engineWith([script], 'global'), 'org.cometd')).toMatchObject(theirs);
  });

  it('has the helpers that old extensions use', () => {
    const engine = engineWith([script], 'global');
    expect(
      engine.run(`const { Utils, Z85, Transport, LongPollingTransport } = org.cometd;
      [Utils.isString(''), Utils.isString(1), Z85.encode(new Uint8Array([134, 79, 210, 111, 181, 89, 247, 91])),
       new Uint8Array(Z85.decode('HelloWorld'))[0], Transport.derive(new LongPollingTransport()).accept('1.0', false, '')].join()`),
    ).toBe('true,false,HelloWorld,134,true');
  });

  it.each<Shape>(['global', 'lexical'])('puts its names next to those that are there, with a %s window', (shape) => {
    const engine = engineWith(
      ['var org = { acme: 1, cometd: { MyExtension: 2 } };', 'const before = org.cometd;', script],
      shape,
    );
    expect(
      engine.run('[org.acme, org.cometd.MyExtension, org.cometd === before, typeof org.cometd.CometD].join()'),
    ).toBe('1,2,true,function');
    expect(engine.run('window.org === org')).toBe(true);
  });

  it('leaves nothing else behind', () => {
    const engine = engineWith(['const before = Object.getOwnPropertyNames(globalThis);', script], 'global');
    expect(engine.run('Object.getOwnPropertyNames(globalThis).filter((name) => !before.includes(name)).join()')).toBe(
      'org',
    );
  });

  it('is a CommonJS module where there is CommonJS', () => {
    const module = { exports: {} as Record<string, unknown> };
    new Function('module', 'exports', script)(module, module.exports);
    expect(Object.keys(module.exports).sort()).toEqual(Object.keys(names).sort());
    expect(globalThis).not.toHaveProperty('org');
  });

  it('is what require() of the package gives', () => {
    const print = `console.log(JSON.stringify(Object.keys(require('@cometd-ts/client/browser/cometd.js')).sort()))`;
    const cwd = join(root, 'packages/client');
    const output = execFileSync(process.execPath, ['--input-type=commonjs', '-e', print], { cwd, encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual(Object.keys(names).sort());
  });

  it('is an AMD module where there is an AMD loader', () => {
    const engine = engineWith(
      [
        'const defined = []; const define = (ids, make) => defined.push([ids.length, make()]); define.amd = {};',
        script,
      ],
      'global',
    );
    expect(engine.run('[defined.length, defined[0][0], typeof defined[0][1].CometD, typeof org].join()')).toBe(
      '1,0,function,undefined',
    );
  });

  it('works on a page with an element that is called module', () => {
    const engine = engineWith(['var module = { tagName: "DIV" }, define = () => 0;', script], 'global');
    expect(engine.run('typeof org.cometd.CometD')).toBe('function');
  });
});

describe('in an engine that has only XMLHttpRequest, WebSocket, timers and a session storage', () => {
  let hotel: Hotel;

  beforeAll(async () => {
    hotel = await openHotel();
  });

  afterAll(() => hotel?.close());

  const visits = (['global', 'lexical'] as const).flatMap((shape) =>
    ['websocket', 'long-polling'].map((transport) => ({ shape, transport })),
  );

  it.each(visits)('the classic script spends a good day over $transport, with a $shape window', async (visit) => {
    const engine = engineWith([script], visit.shape);
    expect(engine.run('[typeof fetch, typeof URL, typeof Worker, typeof queueMicrotask, typeof console].join()')).toBe(
      'undefined,undefined,undefined,undefined,undefined',
    );
    const spend = engine.run(`(restart, url, transport) => {
      const { setTimeout, clearTimeout } = window;
      const cometd = new org.cometd.CometD();
      for (const name of ${JSON.stringify(extensions)}) cometd.registerExtension(name, new org.cometd[name]());
      return (${officialVisit})(cometd, { restart, url, transport });
    }`) as (restart: () => Promise<void>, url: string, transport: string) => Promise<unknown>;
    const seen: string[][] = [];
    const restart = (): Promise<void> => {
      seen.push(hotel.transports());
      return hotel.restart();
    };
    expect(await spend(restart, hotel.url, visit.transport)).toEqual(goodVisit);
    expect(seen).toEqual([[visit.transport]]);
    expect(engine.complaints).toEqual([]);
  });
});

describe('the typed client of the classic script', () => {
  it.each(['websocket', 'long-polling'] as const)('lives in that engine, too, over %s', async (transport) => {
    const server = await launch();
    const engine = engineWith([script], 'global');
    const visit = engine.run(`(async (url, transport) => {
      const client = new org.cometd.BayeuxClient(url, { transports: [transport] });
      await client.handshake();
      const room = client.getChannel('/room');
      const heard = new Promise((resolve) => room.subscribe((message) => resolve(message.data)));
      await room.publish('hello');
      const data = await heard;
      const used = client.transport;
      await client.disconnect();
      return data + ' over ' + used + ', ' + client.status.type;
    })`) as (url: string, transport: string) => Promise<string>;
    try {
      expect(await visit(server.url, transport)).toBe(`hello over ${transport}, disconnected`);
      expect(engine.complaints).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

describe('between two pages', () => {
  let house: Launched;

  beforeAll(async () => {
    house = await launch();
  });

  afterAll(() => house?.close());

  it.each(['websocket', 'long-polling'])(
    'the session is handed over through the storage, over %s',
    async (transport) => {
      const tab = new Tab();
      const page = `(url, transport) => new Promise((resolve) => {
      const cometd = globalThis.cometd = new org.cometd.CometD();
      for (const type of cometd.getTransportTypes()) if (type !== transport) cometd.unregisterTransport(type);
      cometd.registerExtension('reload', new org.cometd.ReloadExtension());
      cometd.configure({ url, logLevel: 'error' });
      let reloaded;
      cometd.addListener('/meta/connect', ({ successful }) => {
        if (successful) resolve([cometd.getClientId(), reloaded].join());
      });
      cometd.handshake(({ ext }) => { reloaded = Boolean(ext && ext.reload); });
    })`;
      type Page = (url: string, transport: string) => Promise<string>;
      const first = engineWith([script], 'lexical', tab);
      const [id, reloaded] = (await (first.run(page) as Page)(house.url, transport)).split(',');
      expect(reloaded).toBe('false');
      first.run('cometd.reload()');
      first.close();
      expect([...tab.storage.keys()]).toEqual(['org.cometd.reload']);
      const second = engineWith([script], 'lexical', tab);
      expect(await (second.run(page) as Page)(house.url, transport)).toBe(`${id},true`);
      expect([...first.complaints, ...second.complaints]).toEqual([]);
    },
  );
});

describe('messages from the network', () => {
  let house: Launched;

  beforeAll(async () => {
    house = await launch();
  });

  afterAll(() => house?.close());

  /** The channels of messages that passed a `receive` that was replaced. */
  async function passing(cometd: CometD): Promise<string[]> {
    const passed: string[] = [];
    const receive = cometd.receive;
    cometd.receive = (message) => {
      passed.push(message.channel);
      receive(message);
    };
    cometd.unregisterTransport('websocket');
    cometd.configure({ url: house.url, logLevel: 'error' });
    await new Promise((resolve) => cometd.handshake(resolve));
    await new Promise((resolve) => cometd.disconnect(resolve));
    return passed;
  }

  it('do not pass a receive that was replaced, in the classic script, as it was in 7.x', async () => {
    expect(await passing(new names.CometD())).toEqual([]);
  });

  it('do pass it in the module, as in 9.x', async () => {
    expect(await passing(new CometD())).toEqual(expect.arrayContaining(['/meta/handshake', '/meta/disconnect']));
  });
});
