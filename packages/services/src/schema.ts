/** Checks data with a validator of any library that keeps to the Standard Schema convention (https://standardschema.dev). */
import { chain, type Maybe } from '@cometd-ts/protocol';

/** The part of the convention that checks data. */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

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
