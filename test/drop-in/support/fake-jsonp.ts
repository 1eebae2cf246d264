/** A document whose head takes script elements, each of which is a JSONP request that the test answers. */
import { Exchange } from './exchange.ts';
import type { Message } from './message.ts';
import { jobsDone } from './virtual-clock.ts';

interface Script {
  src: string;
  async: boolean;
  type: string;
  onerror: ((event: { type: string }) => void) | null;
  setAttribute(name: string, value: string): void;
}

export class JsonpExchange extends Exchange {
  readonly address: URL;
  readonly url: string;
  readonly callback: string;
  readonly messages: readonly Message[];
  readonly #script: Script;
  readonly #window: Record<string, unknown>;

  constructor(script: Script, window: Record<string, unknown>) {
    super();
    this.#script = script;
    this.#window = window;
    this.address = new URL(script.src);
    this.url = this.address.origin + this.address.pathname;
    this.callback = this.address.searchParams.get('jsonp') ?? '';
    this.messages = JSON.parse(this.address.searchParams.get('message') ?? '') as Message[];
  }

  async answer(messages: unknown): Promise<void> {
    this.done = true;
    (this.#window[this.callback] as (messages: unknown) => void)(messages);
    await jobsDone();
  }

  async fail(): Promise<void> {
    this.done = true;
    this.#script.onerror?.({ type: 'error' });
    await jobsDone();
  }
}

/** A document with nothing but a head. */
export function fakeDocument(window: Record<string, unknown>, sent: (exchange: JsonpExchange) => void): object {
  const children = new Set<Script>();
  const head = {
    children,
    appendChild: (script: Script): Script => {
      children.add(script);
      sent(new JsonpExchange(script, window));
      return script;
    },
    removeChild: (script: Script): Script => {
      children.delete(script);
      return script;
    },
  };
  return {
    head,
    hidden: false,
    visibilityState: 'visible',
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    getElementsByTagName: () => [head],
    createElement: (): Script => {
      const script: Script & { remove(): void } = {
        src: '',
        async: false,
        type: '',
        onerror: null,
        setAttribute: () => undefined,
        remove: () => void children.delete(script),
      };
      return script;
    },
  };
}
