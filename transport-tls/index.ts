/** Antecedent over TLS and real files: what a service imports, and what the command line needs. */
export { openNode } from './open-node.js';
export type { AntecedentNode, BroadcastOptions, ReloadOptions } from './antecedent-node.js';
export type { OpenNodeOptions, PeerEvent } from './open-options.js';
export type { Apply } from './applying.js';
export type { ApplyErrorEvent } from './retried-calls.js';
export type { CredentialSources } from './credentials.js';
export { defaultTlsLimits, type TlsLimits } from './links.js';
export { loadConfig, parseConfig, readDataDirectory, type ForeignPeer, type NodeConfig } from './config.js';
export { askNode, type AskOptions } from './control-client.js';
export type { ControlAnswer, ControlRequest } from './control-protocol.js';
export { readStatusDocument, type RunningStatus, type StatusDocument } from './running-status.js';
export { exitCodeFor, runDaemon, type DaemonStreams } from './daemon.js';
export {
  initKeys,
  issueKeys,
  showCertificate,
  type CertificateInfo,
  type InitKeysOptions,
  type IssueKeysOptions,
  type KeyFiles,
} from './keys.js';
export { DirectoryDisk } from './disk.js';
export { ReadOnlyDirectoryDisk } from './read-only-disk.js';
export { lockDirectory, type DirectoryLock } from './lock.js';
export {
  inspectLog,
  type InspectedRecord,
  type InspectedSegment,
  type InspectLogOptions,
  type LogInspection,
  type LogVerdict,
} from './inspect-log.js';
export type { Leftovers } from './log-directory.js';
export type { OriginTally } from './log-tally.js';
export { restoreDirectory, type RestoreOptions } from './restore-directory.js';
export { repairLog, type RepairLogOptions, type RepairResult } from './repair-log.js';
export type { KeptLog, PutAside, RepairPlan } from './repair-plan.js';
export type { LostMessages, LostRecords } from './salvage.js';
export { NativeDigests } from './digests.js';
export { SystemClock } from './clock.js';
export { SystemRandom } from './random.js';
export { JsonLogger } from './logger.js';
export {
  AntecedentError,
  VectorClock,
  formatDot,
  type Delivery,
  type Dot,
  type Durability,
  type ErrorCode,
  type Limits,
  type Logger,
  type LogLevel,
  type NodeAlarm,
  type NodeName,
  type Receipt,
  type StorageState,
  type Timings,
} from '../core/index.js';
