/** `antecedent check`: judges a recorded history. */
import { Command } from 'commander';
import {
  checkHistory,
  readHistory,
  storyOfHistory,
  type HistoryFile,
  type HistoryVerdict,
} from '../scenarios/index.js';
import { programName } from './invocation.js';
import { countOf } from './numbers.js';
import { bytesOfFile } from './scenario-argument.js';
import { describeStory } from './story-text.js';
import { printable, writeJson, type Terminal } from './terminal.js';
import { exitCodeOf } from './verdict-text.js';

interface Options {
  readonly json?: true;
}

export function checkCommand(terminal: Terminal): Command {
  return new Command('check')
    .description(
      'Judges a recorded history by the properties that simulated runs are judged by. "antecedent run --history FILE" records ' +
        'one; so can whoever watches a real cluster. docs/SIMULATION.md, "Histories", has the format.',
    )
    .argument('<history>', 'a file of JSON lines')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `
A history, one object a line, in the order in which things happened:
  {"history":1,"nodes":["a","b"]}
  {"event":"broadcast","atMs":5,"node":"a","seq":1,"payload":"hello"}
  {"event":"deliver","atMs":9,"node":"b","origin":"a","seq":1,"position":1,"payload":"hello"}
  {"event":"end","atMs":20,"live":["a","b"]}

Without its end the verdict is at best "undecided": nobody knows whether the rest was going to come.

Examples:
  antecedent run crash-restart --seed 17 --history history.jsonl
  antecedent check history.jsonl
  antecedent report history.jsonl                   draws it
`,
    )
    .action((path: string, options: Options) => {
      act(terminal, path, options);
    });
}

function act(terminal: Terminal, path: string, options: Options): void {
  const history = readHistory(new TextDecoder().decode(bytesOfFile(path)), path);
  const result = checkHistory(history);
  terminal.exitCode = exitCodeOf(result);
  if (options.json === true) writeJson(terminal, checkDocument(history, result));
  else terminal.out.write(describeCheck(terminal, history, result));
}

/** Scripts rely on its fields: they are added, not renamed. */
function checkDocument(history: HistoryFile, result: HistoryVerdict): object {
  const { title, events, end, judged } = history;
  const { verdict, violation, broadcasts, deliveries, properties } = result;
  return {
    title,
    verdict,
    violations: violation === undefined ? [] : [violation],
    nodes: judged.nodes,
    events: events.length,
    broadcasts,
    deliveries,
    hasEnd: end !== undefined,
    properties,
  };
}

function describeCheck(terminal: Terminal, history: HistoryFile, result: HistoryVerdict): string {
  const story = storyOfHistory(history, result, programName());
  const facts = [
    countOf(history.judged.nodes.length, 'node'),
    countOf(history.events.length, 'event'),
    `${countOf(result.broadcasts, 'message')} broadcast`,
    countOf(result.deliveries, 'delivery', 'deliveries'),
  ].join(', ');
  const hint =
    result.verdict === 'undecided'
      ? '\nThe history has no end, so nothing is known of what was still to come. If the run was over, add the last line:\n  {"event":"end","atMs":TIME,"live":[NAMES OF THE NODES THAT WERE UP]}\n'
      : '';
  const next = result.verdict === 'pass' ? '' : `\nNext: ${programName()} report ${printable(history.source)}\n`;
  return `${describeStory(terminal.out, story)}\n  seen        ${facts}\n  judged by   ${result.properties.join(', ')}\n${hint}${next}`;
}
