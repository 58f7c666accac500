#!/usr/bin/env node
import { runCommand } from './commands/run-command.js';

// With a name server that is down, glibc gives up after ten seconds by default, and the process cannot end before that.
process.env['RES_OPTIONS'] ??= 'timeout:2 attempts:2';

void runCommand(process);
