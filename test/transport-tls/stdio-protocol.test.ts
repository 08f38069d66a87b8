import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeName, VectorClock } from '../../core/index.js';
import { LineSplitter } from '../../transport-tls/json-lines.js';
import { deliverEvent, parseCommand } from '../../transport-tls/stdio-protocol.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a line of input', () => {
  test.each([
    ['{"broadcast":"text","ref":"1"}', bytes('text'), '1', 'here'],
    ['{"broadcast":""}', bytes(''), undefined, 'here'],
    ['{"broadcast":"\\ufeffé\\u0000","durable":"all"}', bytes('\ufeffé\u0000'), undefined, 'all'],
    ['{"broadcastBase64":"AP8=","ref":"x","durable":2}', Uint8Array.of(0, 255), 'x', 2],
  ])('%s is a broadcast', (line, payload, ref, durable) => {
    const command = parseCommand(bytes(line));
    expect([...command.payload]).toEqual([...payload]);
    expect(command).toMatchObject({ ref, durable });
  });

  test.each([
    ['', /not JSON/],
    ['hello', /not JSON.*send \{"broadcast":"text"/],
    ['[]', /no JSON object/],
    ['null', /no JSON object/],
    ['"x"', /no JSON object/],
    ['{}', /either broadcast or broadcastBase64/],
    ['{"broadcast":"x","broadcastBase64":"eA=="}', /either broadcast or broadcastBase64/],
    ['{"brodcast":"x"}', /unknown key "brodcast": did you mean "broadcast"\?/],
    ['{"broadcast":"x","__proto__":{"ref":"1"}}', /unknown key "__proto__"/],
    ['{"broadcast":7}', /broadcast must be a text/],
    ['{"broadcast":"\\ud800"}', /half a surrogate pair/],
    ['{"broadcastBase64":"eA"}', /not base64 with padding/],
    ['{"broadcastBase64":"e A=="}', /not base64 with padding/],
    ['{"broadcastBase64":"eB=="}', /not base64 with padding/],
    ['{"broadcast":"x","ref":7}', /ref must be a text/],
    ['{"broadcast":"x","durable":"most"}', /durable must be .* not "most"/],
    ['{"broadcast":"x","durable":0}', /durable must be/],
    ['{"broadcast":"x","durable":1.5}', /durable must be/],
  ])('%s is refused', (line, message) => {
    expect(() => parseCommand(bytes(line))).toThrow(message);
    expect(() => parseCommand(bytes(line))).toThrow(expect.objectContaining({ code: 'E_INPUT' }) as Error);
  });

  test('that is not UTF-8 is refused', () => {
    expect(() => parseCommand(Uint8Array.of(...bytes('{"broadcast":"'), 0xff, ...bytes('"}')))).toThrow(
      /not JSON in UTF-8/,
    );
  });

  test('that is refused keeps its ref', () => {
    expect(() => parseCommand(bytes('{"ref":"7"}'))).toThrow(expect.objectContaining({ ref: '7' }) as Error);
  });
});

describe('a delivery as a line', () => {
  function event(payload: Uint8Array): unknown {
    const dot = { origin: nodeName('b'), incarnation: 1, seq: 7 };
    const clock = VectorClock.of([
      ['b', 7],
      ['a', 3],
    ]);
    return JSON.parse(JSON.stringify(deliverEvent({ ...dot, payload, clock, position: 1 })));
  }

  test('shows text as text', () => {
    expect(event(bytes('text'))).toEqual({
      event: 'deliver',
      origin: 'b',
      incarnation: 1,
      seq: 7,
      position: 1,
      clock: { a: 3, b: 7 },
      payload: 'text',
    });
  });

  test('loses no byte of any payload', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), fc.string({ unit: 'binary' }).map(bytes), fc.constant(bytes('\ufeffx'))),
        (payload) => {
          const line = event(payload) as { readonly payload?: string; readonly payloadBase64?: string };
          const back =
            line.payload === undefined ? Buffer.from(line.payloadBase64 ?? '', 'base64') : bytes(line.payload);
          expect(Buffer.compare(back, payload)).toBe(0);
        },
      ),
    );
  });
});

describe('lines', () => {
  /** Lines as text; a line that was too long as null. */
  function split(chunks: readonly Uint8Array[], lineBytesMax: number): readonly (string | null)[] {
    const splitter = new LineSplitter(lineBytesMax);
    const lines = [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
    return lines.map((line) => ('tooLong' in line ? null : Buffer.from(line.bytes).toString('latin1')));
  }

  test('come out whole however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z]{1,12}$/)),
        fc.array(fc.nat(9)),
        fc.boolean(),
        (lines, cuts, endsOpen) => {
          const text = Buffer.from(lines.join('\n') + (endsOpen || lines.length === 0 ? '' : '\n'));
          const chunks: Uint8Array[] = [];
          let at = 0;
          for (const cut of cuts) chunks.push(text.subarray(at, (at += cut)));
          chunks.push(text.subarray(at));
          expect(split(chunks, 8)).toEqual(lines.map((line) => (line.length > 8 ? null : line)));
        },
      ),
    );
  });

  test('that are too long are dropped without being kept, and the next one is read', () => {
    const splitter = new LineSplitter(10);
    for (let count = 0; count < 1000; count++) expect(splitter.push(bytes('x'.repeat(1000)))).toEqual([]);
    expect(splitter.push(bytes('\nok\n'))).toEqual([{ tooLong: true }, { bytes: Buffer.from('ok') }]);
    expect(splitter.end()).toEqual([]);
  });
});
