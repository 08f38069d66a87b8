/** The documents of `antecedent log ... --json`. Their fields are relied on by scripts: they are added, not renamed. */
import type { InspectedRecord, LogInspection, RepairResult } from '../transport-tls/index.js';

/** The error that a node refuses the log with; null when it starts. */
export const refusalCodes: Readonly<Record<LogInspection['verdict'], string | null>> = {
  clean: null,
  torn: null,
  corrupt: 'E_LOG_CORRUPT',
  foreign: 'E_LOG_FOREIGN',
  unsupported: 'E_LOG_VERSION',
};

/** Of verify: segments are counted. */
export function verifyDocument(inspection: LogInspection): object {
  const { verdict, segments, ...rest } = inspection;
  return { verdict, code: refusalCodes[verdict], segments: segments.length, ...rest };
}

/** Of inspect: segments are listed. */
export function inspectionDocument(inspection: LogInspection): object {
  const { verdict, ...rest } = inspection;
  return { verdict, code: refusalCodes[verdict], ...rest };
}

export function recordDocument({ content, ...place }: InspectedRecord): object {
  switch (content.kind) {
    case 'batch': {
      const { origin, incarnation, firstSeq, count } = content.header;
      return { ...place, type: content.isOwn ? 'local-batch' : 'remote-batch', origin, incarnation, firstSeq, count };
    }
    case 'floor':
      return { ...place, type: 'floor', floor: content.lsn };
    case 'applied':
    case 'incarnation':
    case 'synced':
    case 'skipped':
    case 'checkpoint':
    case 'membership':
    case 'snapshot-chunk':
    case 'snapshot':
    case 'line-begun':
    case 'unknown':
    case 'unreadable': {
      const { kind, ...rest } = content;
      return { ...place, type: kind, ...rest };
    }
  }
}

export function repairDocument(directory: string, result: RepairResult): object {
  if (result.outcome === 'unharmed') return { directory, ...result };
  const { outcome, plan } = result;
  return { directory, outcome, ...plan };
}

/** One document whose list of records is written while they are read: `{"recordList": [...], ...}`. */
export class RecordsDocument {
  readonly #write: (text: string) => void;
  #records = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  get hasBegun(): boolean {
    return this.#records > 0;
  }

  add(record: object): void {
    this.#write(`${this.#records === 0 ? '{\n  "recordList": [' : ','}\n    ${JSON.stringify(record)}`);
    this.#records++;
  }

  /** Ends the list and adds the fields of `rest`, of which there is at least one. */
  end(rest: object): void {
    const list = this.#records === 0 ? '{\n  "recordList": []' : '\n  ]';
    this.#write(`${list},${JSON.stringify(rest, undefined, 2).slice(1)}\n`);
  }
}
