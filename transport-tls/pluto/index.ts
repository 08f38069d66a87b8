/** `antecedent/pluto`: messages of pluto v0.4 as text, for programs that talk with its nodes. */
export { formatMessage, parseMessage, type PlutoClockEntry, type PlutoMessage } from '../../core/index.js';
export {
  reliableConnect,
  reliableSend,
  type PlutoConnection,
  type ReliableOptions,
  type ReliableTls,
} from './reliable.js';
