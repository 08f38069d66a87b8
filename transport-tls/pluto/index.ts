/**
 * `antecedent/pluto`: the messages and operations of pluto v0.4 as text, for programs that talk with its nodes.
 *
 * What of it needs no socket is the core's, and comes from there.
 */
export {
  formatAppend,
  formatCopy,
  formatCreate,
  formatDelete,
  formatExpunge,
  formatMessage,
  formatOp,
  formatRename,
  formatStore,
  parseAppend,
  parseCopy,
  parseCreate,
  parseDelete,
  parseExpunge,
  parseMessage,
  parseOp,
  parseRename,
  parseStore,
  plutoPing,
  AntecedentError,
  type AppendOperation,
  type CopyOperation,
  type CreateOperation,
  type DeleteOperation,
  type Element,
  type ErrorCode,
  type ExpungeOperation,
  type MailElement,
  type Operation,
  type OperationKind,
  type PlutoClockEntry,
  type PlutoMessage,
  type RenameOperation,
  type StoreOperation,
} from '../../core/index.js';
export {
  reliableConnect,
  reliableSend,
  type PlutoConnection,
  type ReliableOptions,
  type ReliableTls,
} from './reliable.js';
