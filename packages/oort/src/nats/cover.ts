/** Which subjects are subscribed, so that all that is wanted comes, once: events in, actions out, no network. */
import { around, isPattern, isWithin } from './patterns.ts';

/**
 * NATS delivers a message once for each subscription that matches it. So only the widest of what is wanted is subscribed:
 *
 *     wanted      /a/b   /a/**   /c/*          subscribed   /a/**   /c/*
 *
 * When that changes, what takes over is subscribed first, and what it takes over from is dropped when the server has
 * confirmed. In between messages come twice, next to each other; whoever hears them knows them by their numbers.
 */
export type Action =
  | { readonly do: 'subscribe'; readonly pattern: string }
  | { readonly do: 'unsubscribe'; readonly pattern: string }
  /** Ask the server to confirm all that was sent, and call `confirmed` with this number then. */
  | { readonly do: 'confirm'; readonly turn: number };

export class Cover {
  readonly #wanted: Set<string> = new Set();
  /** Subscribed, and to stay. None lies within another. */
  readonly #active: Set<string> = new Set();
  /** Subscribed until what takes over is confirmed: in which turn that was asked for. */
  readonly #leaving: Map<string, number> = new Map();
  #turn = 0;

  get wanted(): ReadonlySet<string> {
    return this.#wanted;
  }

  /** What is subscribed, and to stay. */
  get active(): ReadonlySet<string> {
    return this.#active;
  }

  /** Wanting twice is wanting once. */
  want(pattern: string): Action[] {
    if (this.#wanted.has(pattern)) return [];
    this.#wanted.add(pattern);
    if (around(pattern).some((wider) => this.#active.has(wider))) return [];
    const narrower = isPattern(pattern) ? [...this.#active].filter((one) => isWithin(one, pattern)) : [];
    const actions = this.#subscribe(pattern);
    return narrower.length === 0 ? actions : [...actions, ...this.#leave(narrower)];
  }

  unwant(pattern: string): Action[] {
    if (!this.#wanted.delete(pattern) || !this.#active.has(pattern)) return [];
    const heirs = isPattern(pattern) ? this.#widestWithin(pattern) : [];
    if (heirs.length > 0) return [...heirs.flatMap((heir) => this.#subscribe(heir)), ...this.#leave([pattern])];
    this.#active.delete(pattern);
    return [{ do: 'unsubscribe', pattern }];
  }

  /** The server has all that was sent until `confirm` of this turn. */
  confirmed(turn: number): Action[] {
    const actions: Action[] = [];
    for (const [pattern, asked] of this.#leaving) {
      if (asked > turn) continue;
      this.#leaving.delete(pattern);
      actions.push({ do: 'unsubscribe', pattern });
    }
    return actions;
  }

  /** One that was about to be dropped stays. */
  #subscribe(pattern: string): Action[] {
    this.#active.add(pattern);
    return this.#leaving.delete(pattern) ? [] : [{ do: 'subscribe', pattern }];
  }

  #leave(patterns: readonly string[]): Action[] {
    const turn = ++this.#turn;
    for (const pattern of patterns) {
      this.#active.delete(pattern);
      this.#leaving.set(pattern, turn);
    }
    return [{ do: 'confirm', turn }];
  }

  #widestWithin(outer: string): string[] {
    const within = [...this.#wanted].filter((one) => isWithin(one, outer));
    const all = new Set(within);
    return within.filter((one) => !around(one).some((wider) => all.has(wider)));
  }
}
