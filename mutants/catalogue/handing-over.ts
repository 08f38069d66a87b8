/** Bugs in what the application is given, and in what the node remembers of that. */
import type { Mutant } from '../mutant.js';

export const handingOverMutants: readonly Mutant[] = [
  {
    number: 'M13',
    name: 'skip-is-forgotten',
    about: 'A message that an operator has given up is handed over again after every restart.',
    seenIn: 'pluto v0.4, receiver',
    standsFor: 'a malformed line of the log that kills the receiver at every start; here no record can be malformed',
    scenario: 'poison-message',
    shows: { scenario: 'poison-message', seed: 50 },
    edits: [
      {
        file: 'core/replica/replica.ts',
        from: 'return deliveries.noteSkipped(new ByteReader(entry.body).varint());',
        to: 'return;',
      },
    ],
    breaks: ['position-order', 'no-duplication'],
  },
  {
    number: 'M15',
    name: 'mark-comes-one-message-late',
    about: 'A message is marked as applied when the next one is: a crash in between has it applied twice.',
    seenIn: 'pluto v0.4, receiver',
    shows: { scenario: 'crash-restart', seed: 1 },
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: 'return this.#storedPosition === undefined && this.#applied > this.#marked ? this.#applied : undefined;',
        to: 'return this.#storedPosition === undefined && this.#applied - 1 > this.#marked ? this.#applied - 1 : undefined;',
      },
    ],
    breaks: ['no-duplication'],
  },
  {
    number: 'M16',
    name: 'marked-before-applied',
    about: 'A message is marked as applied when it is handed over: a crash in between has it lost.',
    seenIn: 'Kafka consumers that commit by themselves (dpkp/kafka-python #722, confluentinc/librdkafka #1122)',
    shows: { scenario: 'poison-message', seed: 1 },
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: 'return this.#storedPosition === undefined && this.#applied > this.#marked ? this.#applied : undefined;',
        to: 'return this.#storedPosition === undefined && this.#taken > this.#marked ? this.#taken : undefined;',
      },
    ],
    breaks: ['position-order', 'causal-order', 'convergence', 'deadlock'],
  },
  {
    number: 'M27',
    name: 'mark-is-forgotten',
    about: 'A node that keeps the mark ignores the one on its disk.',
    shows: { scenario: 'crash-restart', seed: 1 },
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: `  restoreMark(position: number): void {
    if (this.#storedPosition !== undefined) return;`,
        to: `  restoreMark(position: number): void {
    if (position > 0) return;`,
      },
    ],
    breaks: ['no-duplication'],
  },

  // --- Of this code alone ----------------------------------------------------------------------------------------------

  {
    name: 'no-dedupe-after-restart',
    about: 'A restarted node does not remember what the application has been given.',
    edits: [
      {
        file: 'core/replica/deliveries.ts',
        from: 'if (this.#storedPosition !== undefined) this.#skipTo(this.#storedPosition);',
        to: '',
      },
      {
        file: 'core/replica/deliveries.ts',
        from: 'if (stored !== undefined && stored !== this.#taken && !this.#isWaitingForSnapshot(stored)) {',
        to: 'if (stored !== undefined && stored < this.#taken && !this.#isWaitingForSnapshot(stored)) {',
      },
    ],
    breaks: ['no-duplication'],
  },
  {
    name: 'close-before-persist',
    about: 'A node that is closed takes its leave while something still waits for the disk.',
    scenario: 'crash-restart',
    edits: [
      {
        file: 'core/node.ts',
        from: "if (this.#state === 'closing' && this.#replica.isPersisted) this.#sayGoodbye();",
        to: "if (this.#state === 'closing') this.#sayGoodbye();",
      },
    ],
    breaks: ['durability', 'no-duplication'],
  },
];
