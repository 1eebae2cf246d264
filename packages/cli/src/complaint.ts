/** Something the person at the keyboard can mend: told in one sentence, without a stack. */
export class Complaint extends Error {
  override readonly name: string = 'Complaint';

  /** The sentence ends with its line: what others add below (hints, code frames) is left out. */
  constructor(sentence: string) {
    super(sentence.split('\n', 1)[0]?.trim() ?? '');
  }
}

/** The message of anything thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
