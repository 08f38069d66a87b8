/** Scenarios, plans, runs and their judgement: everything other folders and users may import from here. */

// --- Scenarios, plans, runs ------------------------------------------------------------------------------------------
export { ms, seconds, type Milliseconds } from './duration.js';
export {
  addMember,
  backup,
  bitRot,
  clockDrift,
  clockJump,
  crash,
  cut,
  diskErrors,
  diskFull,
  diskStall,
  heal,
  hold,
  link,
  lyingDisk,
  oneWay,
  partition,
  pause,
  poison,
  powerLoss,
  release,
  removeMember,
  repair,
  restart,
  restoreBackup,
  resume,
  slowDisk,
  stop,
  swizzle,
  timersLate,
  twin,
  wipe,
  type DirectionTarget,
  type DiskFault,
  type Dying,
  type Fault,
  type Lasting,
  type NodeFault,
  type NodeTarget,
  type PartitionTarget,
} from './faults.js';
export { at, every, randomly, type ScheduledFault, type Span } from './schedule.js';
export {
  isScenario,
  scenario,
  type Scenario,
  type ScenarioBody,
  type ScenarioDefinition,
  type Streams,
} from './scenario.js';
export { makePlan, usualDisk, usualLink } from './make-plan.js';
export {
  formatPlan,
  planVersion,
  type ApplicationMode,
  type Budgets,
  type Direction,
  type DiskChange,
  type DiskErrorRates,
  type DiskFaultBody,
  type DiskLieRates,
  type DiskSettings,
  type FaultBody,
  type FaultKind,
  type JsonValue,
  type LinkSettings,
  type MemberChangeBody,
  type NodeFaultBody,
  type NumberedOperation,
  type OperationBody,
  type Plan,
  type PlanOptions,
  type PlannedFault,
  type PlannedOperation,
  type SupervisorSettings,
} from './plan.js';
export { parsePlan, readPlan } from './plan-schema.js';
export { lines, splitLines, type LinesOptions } from './workloads/lines.js';
export { mailboxes, type MailboxesOptions } from './workloads/mailboxes.js';
export type { Application, PlanningContext, Program, Workload } from './workloads/workload.js';
export type { DeliveryTimes, MemoryBytes, RunMetrics } from './metrics.js';
export { runPlan, type RunOptions, type RunResult, type Verdict } from './run.js';
export type { HistoryEvent, StopPhase } from './history.js';
export { catalogue, findScenario, largeScenarios } from './catalogue/index.js';

// --- Judgement, sweeps, reports --------------------------------------------------------------------------------------
export { Judge, type ExpectedStop, type JudgeOptions } from './oracles/judge.js';
export type { End } from './oracles/convergence.js';
export {
  propertyMeanings,
  signatureOf,
  type Property,
  type Violation,
  type ViolationKind,
} from './oracles/violation.js';
export { failureFileName, runSeed, type RunSeedOptions, type SeedFailure, type SeedOutcome } from './run-seed.js';
export { sweep, type SeedRange, type SweepOptions, type SweepProgress } from './sweep.js';
export {
  type ScenarioMetrics,
  type ScenarioTally,
  type SeedName,
  type SweepFailure,
  type SweepResult,
} from './sweep-tally.js';
export {
  crashPoints,
  type CrashPointFailure,
  type CrashPointsOptions,
  type CrashPointsProgress,
  type CrashPointsResult,
} from './crash-points.js';
export { compareLines, linesUnderFaults, planLines, type LineComparison, type NodeLines } from './line-run.js';
export { failureText, type FailureTextInput } from './report/text.js';
export { describeEvent } from './report/event-text.js';
export { describeFault } from './report/fault-text.js';

// --- For whoever prints messages about names -------------------------------------------------------------------------
export { unknownName } from '../core/index.js';
