/**
 * Lines of pluto with something wrong: what a reader of text from outside must live through.
 *
 * Each is a whole message with a random operation, changed in a few places: characters that mean something put in, taken
 * out, doubled or moved. Half of the changes keep the line well-formed up to the place where they are, so that readers are
 * reached far behind their first check.
 */
import fc from 'fast-check';
import { AntecedentError } from '../../../core/errors.js';
import { formatOp } from '../../../core/pluto/format-operation.js';
import { formatMessage, parseMessage } from '../../../core/pluto/message.js';
import { parseOp } from '../../../core/pluto/parse-operation.js';
import { randomStream, type RandomStream } from '../../../transport-sim/random.js';
import { anyOperation } from './operations.js';

const pieces = [
  '|',
  ';',
  ':',
  '=',
  '==',
  '\r\n',
  '\n',
  '\0',
  '-',
  '0',
  '99',
  '/w==',
  'é',
  '\ud800',
  '> ping <',
  'rename|',
];

/** Tells how many of so many lines were refused. Throws what a parser throws that is no declared refusal. */
export function refuseMutatedLines(lines: number, seed: string): { readonly refused: number; readonly taken: number } {
  const random = randomStream(seed, 'mutated lines');
  const payloads = fc
    .sample(anyOperation, { seed: random.below(2 ** 31), numRuns: 400 })
    .map((operation) => formatOp(operation));
  let refused = 0;
  for (let index = 0; index < lines; index += 1) {
    let line = `worker-${random.below(3)}|worker-0:${random.below(30)};worker-1:7|${random.pick(payloads)}`;
    for (let changes = random.between(1, 3); changes > 0; changes -= 1) line = mutate(line, random);
    if (isRefused(line)) refused += 1;
  }
  return { refused, taken: lines - refused };
}

function mutate(line: string, random: RandomStream): string {
  const at = random.below(line.length + 1);
  const piece = random.pick(pieces);
  switch (random.below(5)) {
    case 0:
      return line.slice(0, at) + piece + line.slice(at);
    case 1:
      return line.slice(0, at) + line.slice(at + random.between(1, 3));
    case 2:
      return line.slice(0, at) + piece + line.slice(at + piece.length);
    case 3:
      return line.slice(0, at) + line.slice(random.below(line.length + 1));
    default:
      return line.slice(0, at) + String.fromCharCode(random.below(0x180)) + line.slice(at + 1);
  }
}

/** What is taken must be taken as it is: written again it is the same line. */
function isRefused(line: string): boolean {
  try {
    const message = parseMessage(line);
    if (formatMessage(message) !== line.replace(/\r?\n$/, ''))
      throw new Error(`${JSON.stringify(line)} is another message`);
    if (formatOp(parseOp(message.payload)) !== message.payload)
      throw new Error(`${message.payload} is another operation`);
    return false;
  } catch (error) {
    if (!(error instanceof AntecedentError) || error.code !== 'E_PLUTO') throw error;
    return true;
  }
}
