/** Checks data with a validator of any library that keeps to the Standard Schema convention (https://standardschema.dev). */
import { chain, type Maybe, type Schema, type SchemaResult } from '@cometd-ts/protocol';

export type { Schema, SchemaResult };

/** Data that a caller sent does not fit the schema of the target. Its message goes to the caller. */
export class InvalidDataError extends Error {
  override readonly name = 'InvalidDataError';
  readonly issues: readonly { readonly message: string }[];

  constructor(issues: readonly { readonly message: string }[]) {
    super(issues.map(({ message }) => message).join('; '));
    this.issues = issues;
  }
}

/** The data as the schema has it. Throws, or rejects with, `InvalidDataError`. */
export function checked<Output>(schema: Schema<Output>, data: unknown): Maybe<Output> {
  return chain(schema['~standard'].validate(data) as Maybe<SchemaResult<Output>>, (result) => {
    if (result.issues) throw new InvalidDataError(result.issues);
    return result.value;
  });
}
