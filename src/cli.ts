#!/usr/bin/env node
import { runCommand } from './commands/run-command.js';

void runCommand(process);
