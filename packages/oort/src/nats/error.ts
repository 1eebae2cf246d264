/** What is wrong with NATS, in words that say what to do. */

/** `packages`: the client of NATS is not installed. `unreachable`, `denied`: by the servers. `tooOld`, `noJetStream`: the server cannot do what is asked. */
export type NatsErrorCode = 'packages' | 'unreachable' | 'denied' | 'tooOld' | 'noJetStream';

export class NatsError extends Error {
  override readonly name = 'NatsError';
  readonly code: NatsErrorCode;

  constructor(code: NatsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What an error says, whoever made it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
