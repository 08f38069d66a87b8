#!/usr/bin/env node
/**
 * The program `antecedent`: hands the command line over and sets the exit code.
 *
 * A reader that went away (`antecedent list | head -1`) is no error: whatever else was to be printed interests nobody. A
 * verdict that had been reached by then is still the exit code.
 * Only a node goes on until it has finished what it has read; it finds out by itself when its reader has gone.
 */
import { runCommandLine, selectedCommand } from './program.js';
import { processTerminal } from './terminal.js';

const args = process.argv.slice(2);
const terminal = processTerminal();
const finishesFirst = selectedCommand(args) === 'node';
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!finishesFirst) process.exit(terminal.exitCode);
  });
}

const exitCode = await runCommandLine(args, terminal);
// A command that goes on in the background (a node) sets its own exit code when it ends.
if (exitCode !== 0) process.exitCode = exitCode;
