/** JSON with application classes in it. */
import { describe, expect, it } from 'vitest';
import { type Convertor, JSONContext } from '../src/index.ts';

class Echo {
  readonly id: string;
  readonly inner: unknown;
  constructor(id: string, inner?: unknown) {
    this.id = id;
    this.inner = inner;
  }
  toJSON(): string {
    return 'what an Echo is without a convertor';
  }
}

class LoudEcho extends Echo {}

const convertor: Convertor<Echo> = {
  type: Echo,
  write: ({ id, inner }) => (inner === undefined ? { id } : { id, inner }),
  read: ({ id, inner }) => {
    if (typeof id !== 'string') throw new TypeError('id must be a string');
    return new Echo(id, inner);
  },
};

const name = 'org.example.Echo';
const context = new JSONContext().register(name, convertor);

describe('a context without convertors', () => {
  it('is JSON.parse and JSON.stringify', () => {
    const plain = new JSONContext();
    const text = '{"class":"org.example.Echo","__proto__":{"a":[1,"\\ud800",null]}}';
    expect(plain.generate(plain.parse(text))).toBe(text);
    expect(() => plain.parse('{')).toThrow(SyntaxError);
  });

  it('refuses to generate what has no JSON form', () => {
    for (const value of [undefined, () => 1, Symbol('x')]) {
      expect(() => new JSONContext().generate(value)).toThrow(TypeError);
      expect(() => context.generate(value)).toThrow(TypeError);
    }
  });
});

describe('a context with convertors', () => {
  it('writes instances with their class first, and reads them back, inner ones first', () => {
    const text = `{"list":[{"class":"${name}","id":"1","inner":{"class":"${name}","id":"2"}}]}`;
    const value = { list: [new Echo('1', new Echo('2'))] };
    expect(context.generate(value)).toBe(text);
    expect(context.parse(text)).toEqual(value);
    expect((context.parse(text) as typeof value).list[0]?.inner).toBeInstanceOf(Echo);
  });

  it('writes derived classes like the registered one, and the instance itself when it is the whole value', () => {
    expect(context.generate(new LoudEcho('3'))).toBe(`{"class":"${name}","id":"3"}`);
  });

  it('writes its own class, whatever the fields say', () => {
    const other = new JSONContext().register(name, { ...convertor, write: () => ({ id: '1', class: 'other' }) });
    expect(other.generate(new Echo('1'))).toBe(`{"class":"${name}","id":"1"}`);
  });

  it.each([
    '{"class":"constructor"}',
    '{"class":"__proto__"}',
    '{"class":"Other"}',
    '{"class":1}',
    '{"class":{"class":null}}',
    '{"id":"1"}',
  ])('leaves %s as data', (text) => {
    expect(context.parse(text)).toEqual(JSON.parse(text));
    expect(context.generate(context.parse(text))).toBe(text);
  });

  it('keeps __proto__ and toJSON members as data', () => {
    const text = `{"__proto__":{"a":1},"toJSON":1,"x":{"class":"${name}","id":"1"}}`;
    const value = context.parse(text) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(context.generate(value)).toBe(text);
  });

  it('hands on what a convertor throws', () => {
    expect(() => context.parse(`{"class":"${name}","id":1}`)).toThrow('id must be a string');
  });

  it('takes one convertor a name', () => {
    expect(() => new JSONContext().register(name, convertor).register(name, convertor)).toThrow(TypeError);
  });

  it('still lets dates write themselves', () => {
    expect(context.generate({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
  });
});
