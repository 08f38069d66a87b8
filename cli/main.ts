#!/usr/bin/env node
/**
 * The program `antecedent`: hands the command line over and sets the exit code.
 *
 * A reader that went away (`antecedent list | head -1`) is no error: whatever else was to be printed interests nobody.
 */
import { runCommandLine } from './program.js';
import { processTerminal } from './terminal.js';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

const exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
// A command that goes on in the background (a node) sets its own exit code when it ends.
if (exitCode !== 0) process.exitCode = exitCode;
