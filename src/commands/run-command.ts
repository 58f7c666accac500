import { packageVersion } from '../docs-url.js';
import { probeCommand, probeCommandName } from './doctor/probe.js';
import { nodeRange } from './doctor/requirements.js';
import { isInRange } from './doctor/version-range.js';
import { doctorCommand, doctorHelp } from './doctor-command.js';
import { emulatorCommand, emulatorHelp } from './emulator-command.js';
import { postgresSchemaCommand, postgresSchemaHelp } from './postgres-schema-command.js';
import { redirectURIsCommand, redirectURIsHelp } from './redirect-uris-command.js';
import { registerCommand, registerHelp } from './register-command.js';
import type { ServerTerminal } from './terminal.js';

interface Command {
  readonly help: string;
  run(args: readonly string[], terminal: ServerTerminal): Promise<unknown>;
}

const commands = new Map<string, Command>([
  ['register', { help: registerHelp, run: registerCommand }],
  ['redirect-uris', { help: redirectURIsHelp, run: redirectURIsCommand }],
  ['doctor', { help: doctorHelp, run: doctorCommand }],
  ['postgres-schema', { help: postgresSchemaHelp, run: postgresSchemaCommand }],
  ['emulator', { help: emulatorHelp, run: emulatorCommand }],
  // Not listed: the command doctor runs it in processes of its own.
  [probeCommandName, { help: '', run: probeCommand }],
]);

const help = `Usage: passport-polar-sh <command> [options]

Commands:
  register         register an OAuth client at Polar, without visiting its dashboard
  redirect-uris    list, add and remove redirect URIs, for example from CI
  doctor           check the configuration of an app: environment, Polar, stores
  postgres-schema  print the SQL for the table of postgresStorage
  emulator         start a local Polar for development

passport-polar-sh <command> --help shows the options of a command, --version the version of this package.
`;

/** The command `passport-polar-sh`. Exit codes: 2 for invalid arguments, 1 if the command fails. */
export async function runCommand(terminal: ServerTerminal): Promise<void> {
  const { version = process.version } = terminal;
  if (!isInRange(version, nodeRange))
    terminal.stderr.write(
      `passport-polar-sh: Node.js ${version} is not supported. Install one of these: ${nodeRange}.\n`,
    );
  const [name, ...args] = terminal.argv.slice(2);
  if (name === '--version' || name === '-v') {
    terminal.stdout.write(`${packageVersion}\n`);
    return;
  }
  if (name === undefined || name === 'help' || isHelp(name)) {
    terminal.stdout.write(commands.get(args[0] ?? '')?.help || help);
    return;
  }
  const command = commands.get(name);
  if (command === undefined) {
    terminal.stderr.write(`passport-polar-sh: unknown command '${name}'.\n\n${help}`);
    terminal.exitCode = 2;
  } else if (args.some(isHelp)) {
    terminal.stdout.write(command.help);
  } else {
    await command.run(args, terminal);
  }
}

function isHelp(argument: string): boolean {
  return argument === '--help' || argument === '-h';
}
