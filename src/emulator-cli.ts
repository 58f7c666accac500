#!/usr/bin/env node
import { runEmulatorCommand } from './emulator/command.js';

void runEmulatorCommand(process);
