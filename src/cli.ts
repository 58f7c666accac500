#!/usr/bin/env node
import { runCommand } from './commands/run-command.js';

// With a name server that is down, glibc gives up after ten seconds by default, and the process cannot end before that.
process.env['RES_OPTIONS'] ??= 'timeout:2 attempts:2';

// A reader such as head closes the pipe when it has read enough, which is no reason for a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE')
    process.stderr.write(`passport-polar-sh: the output cannot be written (${error.message}).\n`);
  process.exit(process.exitCode || 1);
});
process.stderr.on('error', () => {});

void runCommand(process);
