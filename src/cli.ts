#!/usr/bin/env -S node --
// With `--`, because node 20 takes an --env-file among our arguments for its own, and wants it to exist.
import { runCommand } from './commands/run-command.js';

void runCommand(process);
