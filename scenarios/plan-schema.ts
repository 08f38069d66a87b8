/**
 * The shape of a plan: which keys there are, of which type, within which bounds. As code that checks, and as a JSON Schema for
 * editors and other programs.
 *
 * What a shape cannot say (that a name is in the list of nodes, that times are in order) is in `plan-consistency.ts`; `read-plan.ts`
 * puts both to use.
 */
import { z } from 'zod';
import { isNodeName, membersMax, nameLengthMax, type NodeName } from '../core/index.js';
import { operationsMax, planVersion, systems, type Plan } from './plan.js';

/** Eleven days: times are whole microseconds, and nobody waits for more. */
const timeMsMax = 1_000_000_000;
/** Longest mail. A run keeps every message in memory. */
const mailBytesMax = 16 << 20;
const faultsMax = 100_000;
const stepsMax = 10_000;
/** Of `nodeName`, without look-ahead, which not every reader of schemas knows. */
const namePattern = '^[A-Za-z0-9][A-Za-z0-9_-]*(\\.[A-Za-z0-9_-]+)*$';

const time = z.number().min(0).max(timeMsMax);
const probability = z.number().min(0).max(1);
const fraction = probability;
const amount = z.number().min(0);
const wholeNumber = z.number().int().min(0);
const positive = z.number().int().min(1);
const name = z.custom<NodeName>((value) => typeof value === 'string' && isNodeName(value), {
  error: `no node name; use 1 to ${nameLengthMax} of A-Z a-z 0-9 . _ -`,
});
const names = z.array(name).min(1).max(membersMax);
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
  z.strictObject({
    ...operationBase,
    kind: z.literal('append'),
    ...box,
    mail: label,
    bytes: wholeNumber.max(mailBytesMax),
  }),
  z.strictObject({ ...operationBase, kind: z.literal('rename'), ...box, to: label }),
  z.strictObject({ ...operationBase, kind: z.literal('expunge'), ...box, pick: wholeNumber }),
  z.strictObject({ ...operationBase, kind: z.literal('store'), ...box, pick: wholeNumber, mail: label }),
  z.strictObject({ ...operationBase, kind: z.literal('copy'), ...box, pick: wholeNumber, to: label }),
  z.strictObject({ ...operationBase, kind: z.literal('line'), text: z.string() }),
  z.strictObject({ ...operationBase, kind: z.literal('bytes'), base64: z.base64() }),
  z.strictObject({ ...operationBase, kind: z.literal('custom'), name: z.string(), data: z.json() }),
]);

const stepSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['operation', 'crash', 'restart']), node: name }),
  z.strictObject({ kind: z.enum(['deliver', 'drop', 'duplicate', 'overtake']), from: name, to: name }),
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

const planObject = z.strictObject({
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
  operations: z.array(operationSchema).max(operationsMax),
  faults: z.array(faultSchema).max(faultsMax),
  steps: z.array(stepSchema).max(stepsMax).exactOptional(),
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

/** Checks a document, keys that no plan has included. */
export const planSchema: z.ZodType<Plan> = planObject;

/** The shape as a JSON Schema (draft 2020-12), for editors and other programs. */
export function planJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...shape } = z.toJSONSchema(planObject, {
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== name) return;
      Object.assign(jsonSchema, { type: 'string', pattern: namePattern, maxLength: nameLengthMax });
    },
  });
  return { $schema, title: `Plan of a simulated run, version ${planVersion}`, ...shape };
}

/** The keys that the object at `path` of such a document may have. */
export function planKeysAt(path: readonly PropertyKey[], document: unknown): readonly string[] {
  let schema: z.core.$ZodType | undefined = planObject;
  let value = document;
  for (const key of path) {
    schema = childOf(schema, key, value);
    value = isObject(value) ? value[String(key)] : undefined;
  }
  const object = objectOf(schema, value);
  return object === undefined ? [] : Object.keys(object.shape);
}

function childOf(schema: z.core.$ZodType | undefined, key: PropertyKey, value: unknown): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodExactOptional) return childOf(schema.unwrap(), key, value);
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  const shape: Readonly<Record<string, z.core.$ZodType>> | undefined = objectOf(schema, value)?.shape;
  return shape?.[String(key)];
}

/** Of a union of objects the one whose kind the value has. */
function objectOf(schema: z.core.$ZodType | undefined, value: unknown): z.ZodObject | undefined {
  if (schema instanceof z.ZodExactOptional) return objectOf(schema.unwrap(), value);
  if (schema instanceof z.ZodObject) return schema;
  if (!(schema instanceof z.ZodDiscriminatedUnion) || !isObject(value)) return undefined;
  return schema.options
    .filter((option) => option instanceof z.ZodObject)
    .find(({ shape }) => z.safeParse(shape['kind'] ?? z.never(), value['kind']).success);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
