/** A process that opens the log in the directory of its first argument and says how many records it found, and its peak memory. */
import { Journal } from '../../../core/index.js';
import { realJournalOptions } from '../../support/real-journal.js';

/** One line on standard output. */
export interface Reopened {
  readonly records: number;
  readonly bodyBytes: number;
  readonly peakKiB: number;
}

let records = 0;
let bodyBytes = 0;

Journal.open(
  realJournalOptions(process.argv[2] ?? ''),
  ({ body }) => {
    records++;
    bodyBytes += body.length;
  },
  ({ error, value }) => {
    if (error !== undefined) throw error;
    value.close(() => {
      const reopened: Reopened = { records, bodyBytes, peakKiB: process.resourceUsage().maxRSS };
      process.stdout.write(JSON.stringify(reopened));
    });
  },
);
