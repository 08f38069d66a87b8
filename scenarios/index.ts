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
export { makePlan, prepareRun, programsFor, usualDisk, usualLink, type Preparation } from './make-plan.js';
export {
  formatPlan,
  planVersion,
  systems,
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
  type PlannedStep,
  type PlutoSettings,
  type SupervisorSettings,
  type System,
} from './plan.js';
export { planJsonSchema } from './plan-schema.js';
export { planForSystem } from './pluto-plan.js';
export { parsePlan, readPlan } from './read-plan.js';
export { lines, splitLines, type LinesOptions } from './workloads/lines.js';
export { mailboxes, type MailboxesOptions } from './workloads/mailboxes.js';
export type { Application, PlanningContext, Program, Workload } from './workloads/workload.js';
export type { DeliveryTimes, MemoryBytes, RunMetrics } from './metrics.js';
export type { Stepper } from './steps.js';
export { runPlan, type RunOptions, type RunResult, type Verdict } from './run.js';
export type { HistoryEvent, StopPhase } from './history.js';
export {
  formatHistory,
  isHistory,
  readHistory,
  recordRun,
  type HistoryFile,
  type RecordedHistory,
} from './history-file.js';
export { checkHistory, type HistoryVerdict } from './check-history.js';
export { catalogue, catalogueFor, findScenario, largeScenarios } from './catalogue/index.js';

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
export { sweep, type SweepOptions, type SweepProgress } from './sweep.js';
export { goalMeanings, type Goal } from './goals.js';
export type { SeedRange, Shard } from './sweep-order.js';
export { mergeResults, type MergedResults } from './merge.js';
export { readResults, ResultsFile, type RecordedResults, type SweepIdentity } from './results-file.js';
export { faultSwitches, faultSwitchNames, withoutFaults, type FaultSwitch } from './fault-switches.js';
export { profiles, varyPlan, type Profile, type Variation } from './profile.js';
export { loadScenarios, scenarioFileEndings } from './load-scenarios.js';
export {
  type MissedGoal,
  type ScenarioMetrics,
  type ScenarioTally,
  type SeedName,
  type SweepFailure,
  type SweepResult,
} from './sweep-tally.js';
export {
  canRunRegression,
  hasRegressed,
  readRegressions,
  runRegression,
  type Regression,
  type RegressionOutcome,
  type RunRegressionOptions,
} from './regressions.js';
export { shrink, type ShrinkOptions, type ShrinkProgress, type ShrinkResult } from './shrink/shrink.js';
export type { PlanSize } from './shrink/cuts.js';
export { keepShrunk, shrunkPathOf } from './shrink/keep-shrunk.js';
export {
  explore,
  exploreFaultsMax,
  exploreMessagesMax,
  exploreNodesMax,
  smallPlan,
  type ExploreFailure,
  type ExploreOptions,
  type ExploreProgress,
  type ExploreResult,
} from './explore.js';
export {
  crashPoints,
  type CrashPointFailure,
  type CrashPointsOptions,
  type CrashPointsProgress,
  type CrashPointsResult,
} from './crash-points.js';
export { compareLines, linesUnderFaults, planLines, type LineComparison, type NodeLines } from './line-run.js';
export { failureText, type FailureTextInput } from './report/text.js';
export { systemOption } from './report/replay-line.js';
export { formatGrid } from './report/grid.js';
export { describeEvent } from './report/event-text.js';
export { storyOfHistory, storyOfRun, type Story } from './report/story.js';
export { junitReport } from './report/junit.js';
export { githubAnnotations, jobSummary, type JobSummaryOptions } from './report/github.js';
export { htmlReport } from './report/html.js';
export { mermaidDiagram } from './report/mermaid.js';
export { shivizLog } from './report/shiviz.js';
export { traceEvents } from './report/trace-events.js';
export { describeFault } from './report/fault-text.js';

// --- For whoever prints messages about names -------------------------------------------------------------------------
export { unknownName } from '../core/index.js';
