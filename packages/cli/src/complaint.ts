/** Something the person at the keyboard can mend: told in one sentence, without a stack. */
export class Complaint extends Error {
  override readonly name: string = 'Complaint';
}

/** The message of anything thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
