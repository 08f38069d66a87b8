import { describe, expect, test } from 'vitest';
import { encodeCounter } from '../../core/journal/fixed-width.js';
import { recordTypes, type RecordType } from '../../core/journal/record.js';
import { ByteWriter } from '../../core/message/bytes.js';
import { readRecordContent, type RecordContent } from '../../core/record-content.js';
import { digests } from './journal/journal-fixture.js';

function contentOf(type: number, body: Uint8Array): RecordContent {
  return readRecordContent({ type, body }, digests);
}

function skipped(position: number, reason: string): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(position);
  writer.text(reason);
  return writer.view();
}

const five = new Uint8Array(5);

describe('what a record holds', () => {
  test.each<readonly [RecordType, Uint8Array, RecordContent]>([
    [recordTypes.applied, Uint8Array.of(0x81, 0x01), { kind: 'applied', position: 129 }],
    [recordTypes.synced, new Uint8Array(), { kind: 'synced' }],
    [recordTypes.floor, encodeCounter(77), { kind: 'floor', lsn: 77 }],
    [recordTypes.incarnation, encodeCounter(3), { kind: 'incarnation', incarnation: 3 }],
    [recordTypes.checkpoint, five, { kind: 'checkpoint', bytes: 5 }],
    [recordTypes.skipped, skipped(300, 'no such file'), { kind: 'skipped', position: 300, reason: 'no such file' }],
    [recordTypes.membership, five, { kind: 'membership', bytes: 5 }],
    [recordTypes.snapshotChunk, five, { kind: 'snapshot-chunk', bytes: 5 }],
    [recordTypes.snapshot, five, { kind: 'snapshot', bytes: 5 }],
  ])('of type %i', (type, body, content) => {
    expect(contentOf(type, body)).toEqual(content);
  });

  test('of a type that nobody here knows is not known', () => {
    expect(contentOf(99, five)).toEqual({ kind: 'unknown' });
  });

  test('that is not what its type says is unreadable, at every length', () => {
    const body = skipped(300, 'why');
    for (let length = 0; length < body.length; length++) {
      expect(contentOf(recordTypes.skipped, body.slice(0, length)).kind).toBe('unreadable');
    }
    expect(contentOf(recordTypes.skipped, new Uint8Array([...body, 0])).kind).toBe('unreadable');
    expect(contentOf(recordTypes.localBatch, five).kind).toBe('unreadable');
  });
});
