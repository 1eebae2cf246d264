/** Finds the number of a batch in bytes that hold the reply to a connect, without parsing the messages beside it. */

const CONNECT = Buffer.from('"/meta/connect"');
const ACK = Buffer.from('"ack":');

/** The number in the reply to a connect in these bytes, or `undefined` when there is no such reply. */
export function batchOf(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(CONNECT);
  if (at === -1) return undefined;
  // Fields may stand in any order, but nothing else in such a payload has the number.
  const digits = bytes.indexOf(ACK) + ACK.length;
  if (digits < ACK.length) return undefined;
  const number = Number.parseInt(bytes.toString('latin1', digits, digits + 16), 10);
  return Number.isNaN(number) ? undefined : number;
}

/** The field of a connect that says which batch has come. */
export function ackOf(batch: number | undefined): string {
  return batch === undefined ? '' : `,"ext":{"ack":${batch}}`;
}
