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
export type {
  Cancel,
  Clock,
  Digests,
  Disk,
  DiskFile,
  Link,
  LinkHandlers,
  Links,
  Logger,
  LogLevel,
  Ports,
  Random,
  Result,
} from './ports.js';
export { VectorClock, type ClockOrder } from './clock/vector-clock.js';
export { formatDot, originKey, type Dot, type Origin } from './message/origin.js';
export type { Delivery, Durability, Receipt } from './delivery.js';
export { defaultLimits, defaultTimings, type Limits, type Timings } from './limits.js';
export { Node, type NodeHandlers, type NodeOptions } from './node.js';
