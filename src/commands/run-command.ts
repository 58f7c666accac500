import { registerCommand, registerHelp } from './register-command.js';
import type { Terminal } from './terminal.js';

const help = `Usage: passport-polar <command> [options]

Commands:
  register   register an OAuth client at Polar, without visiting its dashboard

passport-polar register --help tells the options. For a local Polar, see passport-polar-emulator --help.
`;

/** The command `passport-polar`. Exit codes: 2 for arguments that make no sense, 1 when Polar refuses or cannot be reached. */
export async function runCommand(terminal: Terminal): Promise<void> {
  const [command, ...args] = terminal.argv.slice(2);
  if (command === 'register') {
    if (args.includes('--help')) terminal.stdout.write(registerHelp);
    else await registerCommand(args, terminal);
    return;
  }
  if (command === undefined || command === '--help' || command === 'help') {
    terminal.stdout.write(help);
    return;
  }
  terminal.stderr.write(`passport-polar: there is no command '${command}'.\n\n${help}`);
  terminal.exitCode = 2;
}
