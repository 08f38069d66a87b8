/** Bugs in the state that messages make: what an application does, and the data type that it keeps. */
import type { Mutant } from '../mutant.js';

export const mailboxMutants: readonly Mutant[] = [
  {
    number: 'M29',
    name: 'remove-by-value',
    about: 'Who deletes a mailbox deletes what is in it by then, and not what was seen in it.',
    seenIn: 'Riak, sets removed from without a context (basho/riak #354)',
    shows: { scenario: 'one-way', seed: 1 },
    edits: [
      {
        file: 'core/crdt/mailboxes.ts',
        from: 'this.#removeMails(user, mailbox, observed);\n  }\n\n  #removeMails',
        to: 'this.#removeMails(user, mailbox, [...box.mails.values()]);\n  }\n\n  #removeMails',
      },
    ],
    breaks: ['state-convergence'],
  },
  {
    number: 'M30',
    name: 'tags-begin-anew',
    about: 'The number in a tag counts from the start of the process: after a restart tags come again.',
    shows: { scenario: 'repaired-log', seed: 2 },
    edits: [
      {
        file: 'scenarios/sim-member.ts',
        from: 'const joins = this.#joins;',
        to: 'const joins = this.#joins;\n    (this as { tags?: number }).tags = 0;',
      },
      {
        file: 'scenarios/sim-member.ts',
        from: 'const payload = this.#application.perform(operation);',
        to: `const tags = this as { tags?: number };
    tags.tags = (tags.tags ?? 0) + 1;
    const payload = this.#application.perform({ ...operation, number: tags.tags });`,
      },
    ],
    breaks: ['state-convergence', 'no-unexpected-stop'],
  },
  {
    number: 'M31',
    name: 'last-to-arrive-wins',
    about: 'Of two mails of one name in a mailbox the one stays that came last, wherever it came last.',
    seenIn: 'delta-enabled-crdts, registers of the same time (CBaquero/delta-enabled-crdts #7)',
    standsFor: 'a register in which equal times are told apart by arrival; here no times are compared',
    shows: { scenario: 'restored-backup', seed: 1 },
    edits: [
      {
        file: 'core/crdt/mailboxes.ts',
        from: 'mails.set(mail.tag, mail);',
        to: `for (const [tag, { value }] of mails) {
      if (value === mail.value && mails.delete(tag)) this.#set.remove(keyOfMail(key, value), [tag]);
    }
    mails.set(mail.tag, mail);`,
      },
    ],
    breaks: ['state-convergence'],
  },
  {
    number: 'M32',
    name: 'counter-counts-twice',
    about: 'An application counts what it applies, and does not look whether it has applied it before.',
    seenIn: 'DefraDB, counters (sourcenetwork/defradb.rs #847)',
    standsFor: 'a counter among replicated data; mailboxes have none, so the application was given one',
    shows: { scenario: 'power-loss', seed: 1 },
    edits: [
      {
        file: 'scenarios/stored-application.ts',
        from: `    if (delivery.position <= this.#position) return undefined;
    this.#application.deliver(delivery);
    this.#position = delivery.position;
    return this.#application.stateDigest();`,
        to: `    const counter = this as { counter?: number };
    counter.counter = (counter.counter ?? this.#position) + 1;
    this.#application.deliver(delivery);
    this.#position = delivery.position;
    return (this.#application.stateDigest() + counter.counter) % 2 ** 52;`,
      },
      {
        file: 'scenarios/stored-application.ts',
        from: `    this.#saving.load(state);
    this.#position = position;
    return this.#application.stateDigest();`,
        to: `    this.#saving.load(state);
    this.#position = position;
    (this as { counter?: number }).counter = position;
    return (this.#application.stateDigest() + position) % 2 ** 52;`,
      },
    ],
    breaks: ['state-convergence'],
  },
  {
    number: 'M33',
    name: 'append-to-nothing-is-dropped',
    about: 'A mail for a mailbox that is not there is dropped.',
    shows: { scenario: 'swizzle', seed: 1 },
    edits: [
      {
        file: 'core/crdt/mailboxes.ts',
        from: "      case 'append':\n        this.#addMail(",
        to: "      case 'append':\n        if (this.has(user, mailbox)) this.#addMail(",
      },
    ],
    breaks: ['state-convergence'],
  },
];
