/** Schemas of channels: what fits is delivered as the schema makes it, what does not is reported, and nothing throws. */
import type { Message, NodeClientOptions, Schema } from '@cometd-ts/client/node';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { Ear, vias } from '../faults/watched.ts';
import { arrive, type Guest, serve } from './clients-typed-house.ts';

interface Invalid {
  readonly message: Message;
  readonly issues: readonly { readonly message: string }[];
}

/** A schema after the convention, from a function that may take its time. */
function schemaOf(validate: Schema['~standard']['validate']): Schema {
  return { '~standard': { version: 1, vendor: 'house', validate } };
}

const price = v.pipe(
  v.object({ price: v.string() }),
  v.transform(({ price }) => ({ price: Number(price) })),
);

describe.each(vias)('over %s', (via) => {
  async function arrange(schemas: NodeClientOptions['schemas']): Promise<Guest & { invalid: Invalid[] }> {
    const server = await serve();
    const guest = await arrive(server.url, via, { ...(schemas && { schemas }) });
    const invalid: Invalid[] = [];
    guest.client.addListener('invalid', (problem) => invalid.push(problem));
    return { ...guest, invalid };
  }

  it('data that fits arrives as the schema transforms it, at listeners, subscribers and loops', async () => {
    const { client, invalid } = await arrange({ '/quotes': price });
    const [listener, subscriber] = [new Ear(), new Ear()];
    const quotes = client.getChannel('/quotes');
    quotes.addListener(listener.listen);
    await quotes.subscribe(subscriber.listen);
    const loop = quotes.messages();
    const first = loop.next();
    await quotes.publish({ price: '12' });
    expect((await first).value?.data).toEqual({ price: 12 });
    await loop.return();
    expect(listener.heard).toEqual([{ price: 12 }]);
    expect(subscriber.heard).toEqual([{ price: 12 }]);
    expect(invalid).toEqual([]);
  });

  it('data that does not fit is reported with its message and what is wrong, and nobody hears it', async () => {
    const { client, invalid, watched } = await arrange({ '/quotes': price });
    const ear = new Ear();
    const quotes = client.getChannel('/quotes');
    await quotes.subscribe(ear.listen);
    await quotes.publish({ price: 12 });
    await quotes.publish({ price: '13' });
    expect(ear.heard).toEqual([{ price: 13 }]);
    expect(invalid).toMatchObject([
      { message: { channel: '/quotes', data: { price: 12 } }, issues: [{ message: expect.stringMatching(/string/) }] },
    ]);
    expect(watched.exceptions).toEqual([]);
    expect(client.status.type).toBe('connected');
  });

  it('a wildcard has a schema for the channels below, and the nearest one counts', async () => {
    const { client, invalid } = await arrange({
      '/**': v.string(),
      '/numbers/*': v.number(),
      '/numbers/odd': v.pipe(
        v.number(),
        v.check((n) => n % 2 === 1, 'even'),
      ),
    });
    const ear = new Ear();
    await client.getChannel('/**').subscribe(ear.listen);
    await client.getChannel('/texts/a').publish('text');
    await client.getChannel('/texts/a').publish(1);
    await client.getChannel('/numbers/any').publish(2);
    await client.getChannel('/numbers/odd').publish(4);
    await client.getChannel('/numbers/odd').publish(5);
    expect(ear.heard).toEqual(['text', 2, 5]);
    expect(invalid.map(({ message, issues }) => [message.data, issues.map((issue) => issue.message)])).toEqual([
      [1, [expect.any(String)]],
      [4, ['even']],
    ]);
  });

  it('an async schema delivers when it has judged', async () => {
    const { client, invalid } = await arrange({
      '/names': v.pipeAsync(
        v.string(),
        v.checkAsync(async (name) => name !== 'taken', 'taken'),
        v.transformAsync(async (name) => name.toUpperCase()),
      ),
    });
    const ear = new Ear();
    await client.getChannel('/names').subscribe(ear.listen);
    await client.getChannel('/names').publish('taken');
    await client.getChannel('/names').publish('free');
    await ear.hears('FREE');
    expect(ear.heard).toEqual(['FREE']);
    expect(invalid).toMatchObject([{ issues: [{ message: 'taken' }] }]);
  });

  it('replies and channels without a schema are not judged', async () => {
    const { client, invalid } = await arrange({ '/quotes': price, '/service/echo': v.never() });
    const ear = new Ear();
    await client.getChannel('/other').subscribe(ear.listen);
    await client.getChannel('/other').publish({ anything: true });
    expect(ear.heard).toEqual([{ anything: true }]);
    expect((await client.getChannel('/quotes').publish({ price: '1' })).successful).toBe(true);
    expect(await client.remoteCall('echo', 1)).toBe(1);
    expect(invalid).toEqual([]);
  });
});

describe.each(vias)('a schema, over %s', (via) => {
  it('that takes longer for one message than for the next does not change their order', async () => {
    const server = await serve();
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const schema = schemaOf((value) => (value === 'slow' ? slow.then(() => ({ value })) : { value }));
    const { client } = await arrive(server.url, via, { schemas: { '/a': schema } });
    const ear = new Ear();
    await client.getChannel('/a').subscribe(ear.listen);
    await client.getChannel('/a').publish('slow');
    await client.getChannel('/a').publish('fast');
    finish();
    await ear.hears('fast');
    await ear.hears('slow');
    expect(ear.heard).toEqual(['slow', 'fast']);
  });

  it('that throws or rejects is told by exception, and its message is not delivered', async () => {
    const server = await serve();
    const schema = schemaOf((value) => {
      if (value === 'throw') throw new Error('the schema threw');
      return value === 'reject' ? Promise.reject(new Error('the schema rejected')) : { value };
    });
    const { client, watched } = await arrive(server.url, via, { schemas: { '/a': schema } });
    const ear = new Ear();
    await client.getChannel('/a').subscribe(ear.listen);
    for (const data of ['throw', 'reject', 'good']) await client.getChannel('/a').publish(data);
    await ear.hears('good');
    expect(ear.heard).toEqual(['good']);
    expect(watched.exceptions.map((error) => (error as Error).message)).toEqual([
      'the schema threw',
      'the schema rejected',
    ]);
  });
});
