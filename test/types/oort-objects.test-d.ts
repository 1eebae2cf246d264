/** What the compiler says about distributed objects: the type of a part flows through, and nobody changes a part by hand. */
import {
  type Info,
  type Long,
  type Oort,
  OortList,
  OortLong,
  OortLongMap,
  OortObject,
  OortObjectFactories,
  OortObjectMergers,
  OortStringMap,
} from '@cometd-ts/oort';
import { describe, expectTypeOf, test } from 'vitest';

declare const oort: Oort;

interface User {
  readonly name: string;
}

describe('the type of a part', () => {
  test('comes from the factory', () => {
    const word = new OortObject(oort, 'word', OortObjectFactories.forString());
    expectTypeOf(word).toEqualTypeOf<OortObject<string>>();
    expectTypeOf(word.setAndShare('x')).resolves.toBeString();
    expectTypeOf(word.getInfo('http://a.test/cometd')).toEqualTypeOf<Info<string> | null>();
    // @ts-expect-error -- a number is no text
    void word.setAndShare(1);
  });

  test('reaches listeners and mergers', () => {
    const word = new OortObject(oort, 'word', OortObjectFactories.forString());
    word.addListener('updated', (oldInfo, newInfo) => {
      expectTypeOf(oldInfo).toEqualTypeOf<Info<string> | null>();
      expectTypeOf(newInfo.object).toBeString();
    });
    expectTypeOf(word.merge((infos) => infos.map(({ object }) => object.length))).toEqualTypeOf<number[]>();
    // @ts-expect-error -- texts have no sum
    word.merge(OortObjectMergers.longSum());
  });

  test('is a map that only the object changes', () => {
    const users = new OortStringMap<User>(oort, 'users');
    expectTypeOf(users.localInfo.object).toEqualTypeOf<ReadonlyMap<string, User>>();
    expectTypeOf(users.putAndShare('bob', { name: 'Bob' })).resolves.toEqualTypeOf<User | undefined>();
    expectTypeOf(users.find('bob')).toEqualTypeOf<User | undefined>();
    expectTypeOf(users.merge(OortObjectMergers.mapUnion())).toEqualTypeOf<Map<string, User>>();
    users.addEntryListener('put', (_info, { key, oldValue, newValue }) => {
      expectTypeOf(key).toBeString();
      expectTypeOf(oldValue).toEqualTypeOf<User | undefined>();
      expectTypeOf(newValue).toEqualTypeOf<User>();
    });
    users.addDeltaListener('removed', (_info, { oldValue }) => expectTypeOf(oldValue).toEqualTypeOf<User>());
    // @ts-expect-error -- parts are read only
    users.localInfo.object.set('bob', { name: 'Bob' });
    // @ts-expect-error -- keys are texts
    void users.putAndShare(1, { name: 'Bob' });
    // @ts-expect-error -- values are users
    void users.putAndShare('bob', 'Bob');
  });

  test('has keys and numbers that may be bigint', () => {
    const prices = new OortLongMap<number>(oort, 'prices');
    expectTypeOf(prices.get).parameter(0).toEqualTypeOf<Long>();
    const count = new OortLong(oort, 'count');
    expectTypeOf(count.addAndGet(1n)).resolves.toEqualTypeOf<number | bigint>();
    expectTypeOf(count.sum()).toEqualTypeOf<number | bigint>();
  });

  test('is a list that only the object changes', () => {
    const names = new OortList<string>(oort, 'names');
    expectTypeOf(names.addAndShare('a', 'b')).resolves.toBeBoolean();
    names.addElementListener('added', (_info, elements) => expectTypeOf(elements).toEqualTypeOf<readonly string[]>());
    expectTypeOf(names.merge(OortObjectMergers.listUnion())).toEqualTypeOf<string[]>();
    // @ts-expect-error -- parts are read only
    names.localInfo.object.push('c');
  });
});
