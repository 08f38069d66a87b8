import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  escapeMarkdown,
  escapeMarkup,
  previewPayload,
  scriptJson,
  visible,
} from '../../../scenarios/report/foreign-text.js';
import { hostileText } from './stories.js';

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.constant(hostileText));

describe('visible', () => {
  test('shows what cannot be seen, and leaves letters of all languages alone', () => {
    expect(visible('a\nb\u0000\u001b[31m\u202e\u2028é漢🙂')).toBe(
      String.raw`a\u000ab\u0000\u001b[31m\u202e\u2028é漢🙂`,
    );
  });
});

describe('escapeMarkup', () => {
  test('leaves nothing that begins or ends anything', () => {
    fc.assert(fc.property(anyText, (text) => !/[<>"']|&(?!#\d+;)/.test(escapeMarkup(text))));
  });

  test('says the same to whoever reads it back', () => {
    const read = (text: string): string =>
      text.replace(/&#(\d+);/g, (_all, code) => String.fromCodePoint(Number(code)));
    expect(read(escapeMarkup(`a<b>&"c" 'd' é🙂`))).toBe(`a<b>&"c" 'd' é🙂`);
  });

  test('writes what XML cannot hold as escapes', () => {
    expect(escapeMarkup('\u0000\u001b\ufffe\ud800')).toBe(String.raw`\u0000\u001b\ufffe` + '\ufffd');
  });
});

describe('scriptJson', () => {
  test('is the same JSON, and holds nothing that a script element ends at', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const json = scriptJson({ [text]: [text, 1] });
        expect(JSON.parse(json)).toEqual({ [text]: [text, 1] });
        expect(json).not.toMatch(/[<>&\u2028\u2029]/);
      }),
    );
  });
});

describe('escapeMarkdown', () => {
  test('is one line without anything that Markdown or HTML reads', () => {
    fc.assert(fc.property(anyText, (text) => !/[<>[\]()*_`|~@#\\\n\r](?!\d+;)/.test(escapeMarkdown(text))));
  });
});

describe('previewPayload', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  test('shows short text as it is', () => {
    expect(previewPayload(bytes('héllo 🙂'))).toBe('héllo 🙂');
    expect(previewPayload(new Uint8Array())).toBe('');
  });

  test('shows the beginning of long text, and never half a character', () => {
    expect(previewPayload(bytes('é'.repeat(10_000)))).toBe(`${'é'.repeat(120)}…`);
    expect(previewPayload(bytes(`x${'🙂'.repeat(10_000)}`))).toBe(`x${'🙂'.repeat(119)}…`);
  });

  test('shows what is no text in hexadecimal digits', () => {
    expect(previewPayload(Uint8Array.of(0, 255, 16))).toBe('00 ff 10');
    expect(previewPayload(new Uint8Array(1000).fill(255))).toBe(`${Array(30).fill('ff').join(' ')} …`);
  });
});
