/**
 * Text of others (names, payloads, messages of errors) made harmless for each kind of document that shows it.
 *
 * Whoever writes a plan or broadcasts a message chooses this text, and a report is read by somebody else. So nothing of it may
 * become markup, a command or a second line, turn the reading direction, or be too long to look at.
 */

/** Characters of a payload that a report shows where there is room. */
const previewLengthMax = 120;

/** Control characters and those that turn the reading direction, written as escapes: always one line. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** Half of a character that takes two code units: no encoding can hold it. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/** For elements and quoted attributes of HTML and XML. What XML cannot hold at all is written as escapes. */
export function escapeMarkup(text: string): string {
  const holdable = wellFormed(text).replace(
    // XML 1.0, section 2.2: these must not occur, not even as references.
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return holdable.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON that may stand in a script element: nothing in it ends the element, or begins a comment. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** For one line of Markdown: no markup, no links, no mention of anybody. */
export function escapeMarkdown(text: string): string {
  return visible(text).replace(/[^\p{L}\p{N} .,:]/gu, (character) => `&#${character.codePointAt(0) ?? 0};`);
}

/** A payload as a person can look at it: its text, or its first bytes in hexadecimal digits. */
export function previewPayload(payload: Uint8Array, lengthMax: number = previewLengthMax): string {
  const beginning = payload.subarray(0, lengthMax * 4);
  const isWhole = beginning.length === payload.length;
  let text: string;
  try {
    // With `stream`, a character that is cut at the end of the beginning is no error.
    text = new TextDecoder('utf-8', { fatal: true }).decode(beginning, { stream: !isWhole });
  } catch {
    const hexadecimal = [...payload.subarray(0, lengthMax / 4)].map((byte) => byte.toString(16).padStart(2, '0'));
    return `${hexadecimal.join(' ')}${payload.length > hexadecimal.length ? ' …' : ''}`;
  }
  const characters = Array.from(text);
  const isShort = isWhole && characters.length <= lengthMax;
  return visible(isShort ? text : `${characters.slice(0, lengthMax).join('')}…`);
}
