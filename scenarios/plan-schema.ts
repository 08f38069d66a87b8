/**
 * Reads plans that come from outside: files written by an earlier run, or edited by hand.
 *
 * Nothing is guessed: an unknown key, a name that is not in the cluster, a time out of order are errors. Each names the
 * place in the document (`faults[3].node`), what stands there, and what to do about it; all of them at once, not the
 * first alone.
 */
import { z } from 'zod';
import { AntecedentError, isNodeName, type NodeName } from '../core/index.js';
import { planVersion, systems, type Plan, type PlannedFault, type PlannedOperation } from './plan.js';
import { unknownToPluto } from './pluto-plan.js';

/** More problems than this are counted, not listed. */
const problemsShownMax = 10;

/** Reads a plan from JSON text. `source` names it in errors. Throws `E_PLAN`. */
export function readPlan(text: string, source: string): Plan {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AntecedentError(
      'E_PLAN',
      `${source} is no JSON: ${reason}; give a plan file as a failing run writes it`,
      { cause },
    );
  }
  return parsePlan(document, source);
}

/** Checks a plan that is parsed already. Throws `E_PLAN`. */
export function parsePlan(document: unknown, source: string): Plan {
  checkVersion(document, source);
  const result = planSchema.safeParse(document, { reportInput: true });
  if (!result.success) throw refuse(source, result.error.issues.map(describeIssue));
  const plan: Plan = result.data;
  const problems = inconsistencies(plan);
  if (problems.length > 0) throw refuse(source, problems);
  return plan;
}

function refuse(source: string, problems: readonly string[]): AntecedentError {
  const shown = problems.slice(0, problemsShownMax).map((problem) => `\n  ${problem}`);
  const rest = problems.length - shown.length;
  const more = rest > 0 ? `\n  and ${rest} more` : '';
  return new AntecedentError('E_PLAN', `${source} is no valid plan:${shown.join('')}${more}`);
}

function checkVersion(document: unknown, source: string): void {
  const version =
    typeof document === 'object' && document !== null && 'version' in document ? document.version : undefined;
  if (version === planVersion) return;
  const found = version === undefined ? 'has no "version"' : `has version ${JSON.stringify(version)}`;
  throw refuse(source, [
    `version: it ${found}, this program reads version ${planVersion}; make the plan again from its scenario and seed`,
  ]);
}

// --- Shape -----------------------------------------------------------------------------------------------------------

const time = z.number().min(0);
const probability = z.number().min(0).max(1);
const fraction = probability;
const amount = z.number().min(0);
const wholeNumber = z.number().int().min(0);
const positive = z.number().int().min(1);
const name = z.custom<NodeName>((value) => typeof value === 'string' && isNodeName(value), {
  error: 'no node name; use 1 to 64 of A-Z a-z 0-9 . _ -',
});
const names = z.array(name).min(1);
const latency = z
  .strictObject({ minMs: time, maxMs: time })
  .refine(({ minMs, maxMs }) => minMs <= maxMs, { error: 'minMs is greater than maxMs; swap them' });

const linkShape = {
  latency,
  loss: probability,
  duplication: probability,
  reordering: probability,
  reorderDelayMs: time,
  cut: probability,
  corruption: probability,
  splitting: probability,
  sparedWrites: wholeNumber.exactOptional(),
  bytesPerMs: z.union([z.number().positive(), z.literal('unlimited')]),
};
const linkChange = z.strictObject({
  latency: latency.exactOptional(),
  loss: probability.exactOptional(),
  duplication: probability.exactOptional(),
  reordering: probability.exactOptional(),
  reorderDelayMs: time.exactOptional(),
  cut: probability.exactOptional(),
  corruption: probability.exactOptional(),
  splitting: probability.exactOptional(),
  sparedWrites: wholeNumber.exactOptional(),
  bytesPerMs: linkShape.bytesPerMs.exactOptional(),
});
const diskShape = {
  syncMs: latency,
  writeMs: latency,
  readMs: latency,
  tornWrite: probability,
  powerLoss: z.enum(['random', 'everything']).exactOptional(),
};
const diskChange = z.strictObject({
  syncMs: latency.exactOptional(),
  writeMs: latency.exactOptional(),
  readMs: latency.exactOptional(),
  tornWrite: probability.exactOptional(),
});

const limitsSchema = z.strictObject({
  messageBytesMax: wholeNumber.exactOptional(),
  handshakeFrameBytesMax: wholeNumber.exactOptional(),
  batchBytesTarget: wholeNumber.exactOptional(),
  pendingBytesMax: wholeNumber.exactOptional(),
  windowBytes: wholeNumber.exactOptional(),
  heldBackBytesMax: wholeNumber.exactOptional(),
  undeliveredBytesMax: wholeNumber.exactOptional(),
  linkBufferBytesMax: wholeNumber.exactOptional(),
  cacheBytesMax: wholeNumber.exactOptional(),
  snapshotBytesMax: wholeNumber.exactOptional(),
  segmentBytesMax: wholeNumber.exactOptional(),
});
const timingsSchema = z.strictObject({
  handshakeMs: time.exactOptional(),
  heartbeatMs: time.exactOptional(),
  probeMs: time.exactOptional(),
  deadMs: time.exactOptional(),
  backoffMs: time.exactOptional(),
  backoffMaxMs: time.exactOptional(),
  stableMs: time.exactOptional(),
  wantRetryMs: time.exactOptional(),
  stuckMs: time.exactOptional(),
  storageRetryMs: time.exactOptional(),
  markDelayMs: time.exactOptional(),
  scrubEveryMs: time.exactOptional(),
});

const operationBase = {
  atMs: time,
  node: name,
  durable: z.union([z.literal('here'), z.literal('all'), z.number().int().min(1)]).exactOptional(),
};
// Some of these part the fields of payloads, and none is missed in a name.
const label = z.string().regex(/^[^|,;/\r\n]+$/, {
  error: 'use at least one character, none of | , ; / and no line break',
});
const box = { user: label, mailbox: label };
const operationSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...operationBase, kind: z.enum(['create', 'delete']), ...box }),
  z.strictObject({ ...operationBase, kind: z.literal('append'), ...box, mail: label, bytes: wholeNumber }),
  z.strictObject({ ...operationBase, kind: z.literal('rename'), ...box, to: label }),
  z.strictObject({ ...operationBase, kind: z.literal('expunge'), ...box, pick: wholeNumber }),
  z.strictObject({ ...operationBase, kind: z.literal('store'), ...box, pick: wholeNumber, mail: label }),
  z.strictObject({ ...operationBase, kind: z.literal('copy'), ...box, pick: wholeNumber, to: label }),
  z.strictObject({ ...operationBase, kind: z.literal('line'), text: z.string() }),
  z.strictObject({ ...operationBase, kind: z.literal('bytes'), base64: z.base64() }),
  z.strictObject({ ...operationBase, kind: z.literal('custom'), name: z.string(), data: z.json() }),
]);

const direction = { from: names, to: names };
const diskFault = { atMs: time, node: name, forMs: time.exactOptional() };
const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ atMs: time, kind: z.literal('partition'), groups: z.array(names).min(1) }),
  z.strictObject({ atMs: time, kind: z.enum(['one-way', 'cut', 'hold', 'release']), ...direction }),
  z.strictObject({ atMs: time, kind: z.literal('heal') }),
  z.strictObject({
    atMs: time,
    kind: z.enum(['crash', 'power-loss']),
    node: name,
    restartAfterMs: time.exactOptional(),
    forGood: z.literal(true).exactOptional(),
  }),
  z.strictObject({ atMs: time, kind: z.literal('stop'), node: name, restartAfterMs: time.exactOptional() }),
  z.strictObject({ atMs: time, kind: z.enum(['restart', 'repair', 'pause', 'resume']), node: name }),
  z.strictObject({ atMs: time, kind: z.enum(['add-member', 'remove-member']), node: name, by: name }),
  z.strictObject({ atMs: time, kind: z.literal('link'), ...direction, profile: linkChange }),
  z.strictObject({ atMs: time, kind: z.literal('slow-disk'), node: name, profile: diskChange }),
  z.strictObject({ atMs: time, kind: z.literal('wipe'), node: name, restartAfterMs: time.exactOptional() }),
  z.strictObject({ atMs: time, kind: z.literal('backup'), node: name }),
  z.strictObject({
    atMs: time,
    kind: z.literal('restore-backup'),
    node: name,
    marked: z.boolean(),
    restartAfterMs: time.exactOptional(),
  }),
  z.strictObject({ atMs: time, kind: z.literal('twin'), node: name, copy: z.boolean(), forMs: time.exactOptional() }),
  z.strictObject({ atMs: time, kind: z.enum(['clock-jump', 'timers-late']), node: name, byMs: time }),
  z.strictObject({ atMs: time, kind: z.literal('clock-drift'), node: name, rate: z.number().min(0.1).max(10) }),
  z.strictObject({
    atMs: time,
    kind: z.literal('poison'),
    node: name,
    after: wholeNumber,
    cure: z.enum(['skip', 'retry']),
    forMs: time.exactOptional(),
  }),
  z.strictObject({
    ...diskFault,
    kind: z.literal('disk-errors'),
    read: probability.exactOptional(),
    write: probability.exactOptional(),
    sync: probability.exactOptional(),
  }),
  z.strictObject({ ...diskFault, kind: z.literal('disk-full'), freeBytes: wholeNumber }),
  z.strictObject({ ...diskFault, kind: z.literal('disk-stall') }),
  z.strictObject({ atMs: time, kind: z.literal('bit-rot'), node: name, at: fraction, bits: positive }),
  z.strictObject({
    ...diskFault,
    kind: z.literal('lying-disk'),
    phantom: probability.exactOptional(),
    misdirected: probability.exactOptional(),
  }),
  z.strictObject({
    atMs: time,
    kind: z.literal('crash-point'),
    node: name,
    operation: wholeNumber,
    when: z.enum(['before', 'during', 'after']),
    power: z.boolean(),
    survivors: wholeNumber.exactOptional(),
    restartAfterMs: time,
  }),
]);

const faultKinds = kindsOf(faultSchema.options);
const operationKinds = kindsOf(operationSchema.options);

function kindsOf(
  options: readonly { readonly shape: { readonly kind: z.ZodLiteral<string> | z.ZodEnum } }[],
): readonly string[] {
  return options
    .flatMap(({ shape: { kind } }) => (kind instanceof z.ZodEnum ? kind.options : [...kind.values]))
    .map(String);
}

const planSchema = z.strictObject({
  version: z.literal(planVersion),
  scenario: z.string().min(1),
  seed: z.string().min(1),
  system: z.enum(systems).exactOptional(),
  nodes: names,
  joiners: names.exactOptional(),
  workload: z.string().min(1),
  options: z.strictObject({
    link: z.strictObject(linkShape),
    disk: z.strictObject(diskShape),
    limits: limitsSchema,
    timings: timingsSchema,
    applications: z.record(
      z.string(),
      z.strictObject({ memory: z.enum(['position', 'mark']), applyMs: latency.exactOptional() }),
    ),
    supervisor: z.strictObject({ restartAfterMs: time }).exactOptional(),
    retention: z
      .strictObject({
        policy: z.enum(['block', 'alarm', 'demote']).exactOptional(),
        bytesMax: wholeNumber.exactOptional(),
        ageMs: time.exactOptional(),
      })
      .exactOptional(),
    pluto: z.strictObject({ timeoutMs: time, retryMs: z.number().positive() }).exactOptional(),
  }),
  operations: z.array(operationSchema),
  faults: z.array(faultSchema),
  healedAtMs: time,
  deadlineMs: time,
  budgets: z
    .strictObject({
      messagesPerBroadcast: amount.exactOptional(),
      bytesPerBroadcast: amount.exactOptional(),
      deliveryP99Ms: time.exactOptional(),
      diskBytesMax: amount.exactOptional(),
    })
    .exactOptional(),
});

function describeIssue(issue: z.core.$ZodIssue): string {
  return `${formatPath(issue.path)}: ${remedy(issue)}`;
}

/** What is wrong there, and what to write instead. Messages of our own in the schema say both already. */
function remedy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; remove it`;
    case 'invalid_union':
      if (issue.discriminator === undefined) break;
      return `no such kind; use one of ${(issue.path[0] === 'faults' ? faultKinds : operationKinds).join(', ')}`;
    case 'invalid_type':
      if (issue.input === undefined) return `missing; add it, it is of type ${issue.expected}`;
      return `${shorten(issue.input)} is not of type ${issue.expected}; write one that is`;
    case 'too_small':
      return `${shorten(issue.input)} is too small; the least is ${issue.minimum}`;
    case 'too_big':
      return `${shorten(issue.input)} is too large; the most is ${issue.maximum}`;
    default:
      break;
  }
  return issue.input === undefined ? 'missing; add it' : `${shorten(issue.input)}: ${issue.message}`;
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

/** `["faults", 3, "node"]` as `faults[3].node`. */
function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the document';
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

// --- What the shape cannot say ---------------------------------------------------------------------------------------

function inconsistencies(plan: Plan): string[] {
  const problems: string[] = [];
  const members = new Set<string>();
  plan.nodes.forEach((node, index) => {
    if (members.has(node)) problems.push(`nodes[${index}]: ${JSON.stringify(node)} is there twice; remove one`);
    members.add(node);
  });
  const checkName = (path: string, node: string): void => {
    if (members.has(node)) return;
    problems.push(
      `${path}: ${JSON.stringify(node)} is no node of this plan (${[...members].join(', ')}); name one of them or add it to "nodes"`,
    );
  };
  const joiners = plan.joiners ?? [];
  joiners.forEach((node, index) => checkName(`joiners[${index}]`, node));
  if (plan.nodes.every((node) => joiners.includes(node))) {
    problems.push('joiners: nobody is left who could add them; remove one');
  }
  for (const node of Object.keys(plan.options.applications)) checkName(`options.applications.${node}`, node);
  plan.operations.forEach((operation, index) => {
    checkName(`operations[${index}].node`, operation.node);
    checkDurability(`operations[${index}].durable`, operation, members.size, problems);
  });
  plan.faults.forEach((fault, index) => {
    for (const [key, node] of namesOf(fault)) checkName(`faults[${index}].${key}`, node);
    if ('forGood' in fault && 'restartAfterMs' in fault) {
      problems.push(`faults[${index}].restartAfterMs: this node never comes back; remove it or "forGood"`);
    }
  });
  problems.push(...unknownToPluto(plan));
  checkTimes('operations', plan.operations, plan.healedAtMs, problems);
  checkTimes('faults', plan.faults, plan.healedAtMs, problems);
  if (plan.deadlineMs <= plan.healedAtMs) {
    problems.push(`deadlineMs: ${plan.deadlineMs} is not after healedAtMs (${plan.healedAtMs}); raise it`);
  }
  return problems;
}

function checkDurability(path: string, operation: PlannedOperation, members: number, problems: string[]): void {
  if (typeof operation.durable !== 'number' || operation.durable <= members) return;
  problems.push(
    `${path}: ${operation.durable} is more than the ${members} nodes of this plan; lower it or write "all"`,
  );
}

function checkTimes(
  list: string,
  items: readonly { readonly atMs: number }[],
  healedAtMs: number,
  problems: string[],
): void {
  let previousMs = 0;
  items.forEach(({ atMs }, index) => {
    const path = `${list}[${index}].atMs`;
    if (atMs < previousMs) {
      problems.push(`${path}: ${atMs} comes before ${previousMs} of the entry above it; sort by time`);
    }
    if (atMs > healedAtMs) {
      problems.push(`${path}: ${atMs} is after healedAtMs (${healedAtMs}); move it or raise healedAtMs`);
    }
    previousMs = Math.max(previousMs, atMs);
  });
}

function namesOf(fault: PlannedFault): readonly (readonly [path: string, node: NodeName])[] {
  switch (fault.kind) {
    case 'heal':
      return [];
    case 'partition':
      return fault.groups.flatMap((group, row) =>
        group.map((node, column) => [`groups[${row}][${column}]`, node] as const),
      );
    case 'one-way':
    case 'cut':
    case 'hold':
    case 'release':
    case 'link':
      return [
        ...fault.from.map((node, index) => [`from[${index}]`, node] as const),
        ...fault.to.map((node, index) => [`to[${index}]`, node] as const),
      ];
    case 'add-member':
    case 'remove-member':
      return [
        ['node', fault.node],
        ['by', fault.by],
      ];
    default:
      return [['node', fault.node]];
  }
}
