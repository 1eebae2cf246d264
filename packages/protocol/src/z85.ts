/** Z85 (ZeroMQ RFC 32): bytes as printable text, five characters for four bytes, with a shorter last group. */

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';
const base = alphabet.length;
const unknown = 0xff;

const codes: Uint8Array = Uint8Array.from(alphabet, (character) => character.charCodeAt(0));
const values: Uint8Array = new Uint8Array(128).fill(unknown);
for (const [value, code] of codes.entries()) values[code] = value;

/** So many characters are joined at once: more could exceed what a call takes as arguments. */
const chunk = 4095;

/** Encodes and decodes Z85. Bytes that do not fill a group of four end in a group one character longer than they are. */
export const Z85: {
  encode(bytes: Uint8Array): string;
  /** Throws `RangeError` for characters outside the alphabet, impossible groups, and a last group of one character. */
  decode(text: string): Uint8Array;
} = Object.freeze({ encode, decode });

function encode(bytes: Uint8Array): string {
  const tail = bytes.length % 4;
  const groups = Math.ceil(bytes.length / 4);
  const units = new Uint8Array(groups * 5);
  for (let group = 0; group < groups; group++) {
    const at = group * 4;
    // Bytes that are not there count as zero.
    let value = 0;
    for (let index = at; index < at + 4; index++) value = value * 256 + (bytes[index] ?? 0);
    for (let index = group * 5 + 4; index >= group * 5; index--) {
      units[index] = codes[value % base] as number;
      value = Math.floor(value / base);
    }
  }
  return textOf(tail === 0 ? units : units.subarray(0, units.length - 4 + tail));
}

function textOf(units: Uint8Array): string {
  let text = '';
  for (let at = 0; at < units.length; at += chunk) text += String.fromCharCode(...units.subarray(at, at + chunk));
  return text;
}

function decode(text: string): Uint8Array {
  const tail = text.length % 5;
  if (tail === 1) throw new RangeError('The Z85 text ends in a single character');
  const groups = Math.ceil(text.length / 5);
  const bytes = new Uint8Array(groups * 4);
  for (let group = 0; group < groups; group++) {
    let value = 0;
    for (let index = group * 5; index < group * 5 + 5; index++) {
      value = value * base + (index < text.length ? valueAt(text, index) : base - 1);
    }
    if (value > 0xffff_ffff) throw new RangeError(`The Z85 group at character ${group * 5 + 1} stands for no bytes`);
    for (let index = group * 4 + 3; index >= group * 4; index--) {
      bytes[index] = value % 256;
      value = Math.floor(value / 256);
    }
  }
  return tail === 0 ? bytes : bytes.slice(0, bytes.length - 5 + tail);
}

function valueAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  const value = code < 128 ? (values[code] as number) : unknown;
  if (value === unknown) throw new RangeError(`Character ${index + 1} of the Z85 text is not in its alphabet`);
  return value;
}
