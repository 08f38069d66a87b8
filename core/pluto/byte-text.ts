/**
 * Bytes as text and back, one character for each byte: U+0000 to U+00FF.
 *
 * v0.4 does not say in which encoding its text is. What a payload holds must come out as the bytes that went in, also where
 * they are no UTF-8; and everything that parts a line (names, numbers, separators) is ASCII, which is the same either way.
 */

/** `String.fromCharCode` takes its arguments on the stack, which has room for only so many. */
const charactersAtOnce = 8192;

export function textOfBytes(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += charactersAtOnce) {
    text += String.fromCharCode(...bytes.subarray(start, start + charactersAtOnce));
  }
  return text;
}

/** The bytes of a text that `textOfBytes` has made, or that is ASCII. */
export function bytesOfText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
