/**
 * Bugs in what waits for the disk: each sync that a node makes left out, or what must wait for one done before it.
 *
 * Crash points must find every one of them. A sync whose removal nothing notices is either not needed, or proves that the
 * simulated disk is too kind.
 */
import { knownBugs, ownBugs, type Mutant } from '../../mutants/index.js';

export interface SyncMutant extends Mutant {
  /**
   * Given for what takes two blows: the process dies just before an operation whose text begins like this, and much later
   * power is lost, as it is in the scenario. Without it crash points find the bug in a plan that has no other faults.
   */
  readonly diesBefore?: string;
}

export const syncMutants: readonly SyncMutant[] = [
  {
    name: 'log-is-not-synced',
    about: 'An append counts as durable when it is written.',
    edits: [
      {
        file: 'core/journal/log-end.ts',
        from: 'const sync = (): void => this.#file.sync(onValue(outcome.failed, keep));',
        to: 'const sync = keep;',
      },
    ],
    breaks: ['durability', 'no-unexpected-stop'],
  },
  {
    name: 'segment-header-is-not-synced',
    about: 'A new segment gets its name while its header is still in the page cache.',
    edits: [{ file: 'core/journal/durable-file.ts', from: 'file.sync(onValue(poison, rename))', to: 'rename()' }],
    breaks: ['no-unexpected-stop'],
  },
  {
    name: 'segment-is-renamed-before-its-sync',
    about: 'A new segment is synced, but only after it has its name.',
    edits: [
      {
        file: 'core/journal/durable-file.ts',
        from: 'const rename = (): void => disk.rename(temporary, name, onValue(giveUp, syncDirectory));',
        to: 'const rename = (): void => disk.rename(temporary, name, onValue(giveUp, sync));',
      },
      {
        file: 'core/journal/durable-file.ts',
        from: 'file.sync(onValue(poison, rename))',
        to: 'file.sync(onValue(poison, syncDirectory))',
      },
      {
        file: 'core/journal/durable-file.ts',
        from: 'file.write(0, [bytes], onValue(giveUp, sync));',
        to: 'file.write(0, [bytes], onValue(giveUp, rename));',
      },
    ],
    breaks: ['no-unexpected-stop'],
  },
  {
    name: 'last-append-is-not-synced-at-opening',
    about: 'A node takes over what a life before it had written and not synced, and relies on it.',
    diesBefore: 'sync journal-',
    edits: [{ file: 'core/journal/opening.ts', from: '(next) => file.sync(next),\n    ];', to: '];' }],
    breaks: ['durability', 'no-unexpected-stop'],
  },
  {
    name: 'directory-is-not-synced-at-opening',
    about: 'A node goes on in a segment that a life before it had renamed, without syncing its name.',
    diesBefore: 'syncDirectory',
    edits: [
      {
        file: 'core/journal/opening.ts',
        from: ', (next) => this.#ports.disk.syncDirectory(next)]',
        to: ']',
      },
    ],
    breaks: ['durability', 'no-unexpected-stop'],
  },
  {
    name: 'deliver-before-sync',
    about: 'The application is given a message of a peer while it is being written.',
    edits: [
      {
        file: 'core/replica/replica.ts',
        from: "onTaken: (taken) => this.#unjournalled.push({ type: 'remote-batch', taken }),",
        to: `onTaken: (taken) => {
        this.#unjournalled.push({ type: 'remote-batch', taken });
        taken.messages.forEach((message) => this.#knowledge.deliveries.offer(message));
      },`,
      },
      {
        file: 'core/replica/replica.ts',
        from: 'for (const message of taken.messages) this.#knowledge.deliveries.offer(message);',
        to: `const isOffered = this.#running !== undefined && taken.origin !== this.#running.self;
    if (!isOffered) for (const message of taken.messages) this.#knowledge.deliveries.offer(message);`,
      },
    ],
    breaks: ['no-unexpected-stop', 'position-order'],
  },
  ...['name-of-a-segment-is-not-synced', 'send-before-sync', 'acknowledge-before-sync', 'accept-before-sync'].map(
    fromCatalogue,
  ),
];

/** Of the bugs that sweeps find too. */
function fromCatalogue(wanted: string): Mutant {
  const found = [...knownBugs, ...ownBugs].find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`there is no mutant ${wanted}`);
  return found;
}
