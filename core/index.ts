/** The protocol: everything other folders and users may import from it. */
export { AntecedentError, AssertionError, RemoteProtocolError, assert, unreachable, type ErrorCode } from './errors.js';
export {
  clusterName,
  compareNames,
  isNodeName,
  nodeName,
  nameLengthMax,
  type ClusterName,
  type NodeName,
} from './names.js';
export { nearestName, unknownName } from './nearest-name.js';
export type {
  Cancel,
  Clock,
  Digests,
  Disk,
  DiskFile,
  LineConnection,
  LineOutcome,
  Lines,
  Link,
  LinkHandlers,
  Links,
  Logger,
  LogLevel,
  Ports,
  Random,
  Result,
} from './ports.js';
export { crc32 } from './crc32.js';
export { VectorClock, type ClockOrder } from './clock/vector-clock.js';
export { formatDot, membersMax, originKey, type Dot, type Origin } from './message/origin.js';
export type { Delivery, Durability, Receipt } from './delivery.js';
export { defaultLimits, defaultTimings, type Limits, type Timings } from './limits.js';
export type { BlockedLog, LogStatus, MemberStatus, NodeMemory, NodeStatus } from './status.js';
export { Node } from './node.js';
export type { NodeHandlers, NodeOptions, ReadyInfo, SnapshotHandlers, StorageState } from './node-options.js';
export type { RetentionPolicy } from './replica/retention.js';
export { Replica, type ReplicaOptions } from './replica/replica.js';
export type { LineAction, LinkAction, LinkId, NodeAlarm, ReadRequest, Ready, ReplicaEvent } from './replica/ready.js';
export {
  Journal,
  recordTypes,
  type JournalEntry,
  type JournalOptions,
  type OnJournalRecord,
  type RecordPlace,
  type RecordType,
  type StorageEvent,
} from './journal/journal.js';
export {
  beginIncarnation,
  type BeginIncarnationOptions,
  type BeginIncarnationPorts,
} from './journal/begin-incarnation.js';
export { repairLog, type Repair, type RepairPorts } from './journal/repair.js';
export { surveyLog, type LogSurvey, type OnSurveyed, type Refusal, type SurveyedSegment } from './journal/survey.js';
export type { RecoveredRecord } from './journal/recovery.js';
export { identifySegment, salvageRecords, type SegmentIdentity } from './journal/salvage.js';
export { segmentIndexOf, segmentName, type SegmentHeader } from './journal/segment.js';
export { recordHeaderBytes } from './journal/record.js';
export { readRecordContent, type RecordContent } from './record-content.js';
export { SnapshotReader } from './snapshot-content.js';
export { ORSet } from './crdt/or-set.js';
export { Mailboxes } from './crdt/mailboxes.js';
export { toAppend, toCopy, toCreate, toDelete, toExpunge, toRename, toStore } from './crdt/mailbox-changes.js';
export { Fifo } from './fifo.js';
export { HoldBackQueue } from './causal/hold-back-queue.js';
export {
  decodeBatch,
  decodeBatchHeader,
  emptyLogState,
  type BatchHeader,
  type LogState,
  type Message,
} from './message/batch.js';
export { decodeFrame, FrameEncoder, type EncodableFrame, type Frame } from './message/frame.js';
export { FrameReader } from './message/frame-reader.js';
export { formatMessage, parseMessage, plutoPing, type PlutoClockEntry, type PlutoMessage } from './pluto/message.js';
export {
  formatAppend,
  formatCopy,
  formatCreate,
  formatDelete,
  formatExpunge,
  formatOp,
  formatRename,
  formatStore,
} from './pluto/format-operation.js';
export {
  parseAppend,
  parseCopy,
  parseCreate,
  parseDelete,
  parseExpunge,
  parseOp,
  parseRename,
  parseStore,
} from './pluto/parse-operation.js';
export type {
  AppendOperation,
  CopyOperation,
  CreateOperation,
  DeleteOperation,
  Element,
  ExpungeOperation,
  MailElement,
  Operation,
  OperationKind,
  RenameOperation,
  StoreOperation,
} from './pluto/operation.js';
export { PlutoNode, type PlutoDelivery, type PlutoHandlers, type PlutoOptions } from './pluto/model/pluto-node.js';
