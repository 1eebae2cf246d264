/** What a service answers to a request, and what becomes of requests that get no answer. Book section 9.5.8. */

/** Success, failure, or nothing to say because another node is in charge. */
export type Answer<Result> =
  | { readonly kind: 'success'; readonly data: Result }
  | { readonly kind: 'failure'; readonly data: unknown }
  | { readonly kind: 'ignore'; readonly data: unknown };

export function success<Result>(data: Result): Answer<Result> {
  return { kind: 'success', data };
}

/** The request was understood, and failed; `data` tells the requester why. */
export function failure(data: unknown): Answer<never> {
  return { kind: 'failure', data };
}

/** This node is not in charge. A broadcast waits for another's answer; to the sender of a directed request it is a failure with `data`. */
export function ignore(data: unknown = null): Answer<never> {
  return { kind: 'ignore', data };
}

/**
 * Why a request failed:
 * `failure`: the other node said so, `data` is what it said · `timeout`: nobody answered in time; it may have been done all the same ·
 * `left`: the node has left, and it may have been done · `unreachable`: there is no way to that node, or it does not have the service;
 * nothing was done · `overflow`: too many requests are under way · `tooLarge`: the request, or its answer, is over the payload
 * limit of the message system · `stopped`: the service was stopped, here.
 */
export type ServiceErrorCode = 'failure' | 'timeout' | 'left' | 'unreachable' | 'overflow' | 'tooLarge' | 'stopped';

export class OortServiceError extends Error {
  override readonly name = 'OortServiceError';
  readonly code: ServiceErrorCode;
  /** What the other node said; null when it did not say anything. */
  readonly data: unknown;

  constructor(code: ServiceErrorCode, message: string, data: unknown = null) {
    super(message);
    this.code = code;
    this.data = data;
  }
}
