import { parseArgs } from 'node:util';
import { defaultTable, postgresTable } from '../storage/postgres-table.js';
import { messageOf, type Terminal, usageError } from './terminal.js';

/** The output of `passport-polar-sh postgres-schema --help`. */
export const postgresSchemaHelp = `Usage: passport-polar-sh postgres-schema [options]

Prints the SQL that creates the table of postgresStorage, for psql or a migration. It changes nothing that
exists.

  --table NAME           table or schema.table, as in the option table of postgresStorage
                         (default: ${defaultTable})
  --help                 show this text
`;

/** `passport-polar-sh postgres-schema`: prints the SQL for the table of `postgresStorage`. */
export async function postgresSchemaCommand(args: readonly string[], terminal: Terminal): Promise<void> {
  const fail = (message: string): void => {
    terminal.stderr.write(`passport-polar-sh postgres-schema: ${message}\n`);
    terminal.exitCode = 2;
  };
  let name: string;
  try {
    const { values } = parseArgs({ args: [...args], options: { table: { type: 'string' } } });
    name = values.table ?? defaultTable;
  } catch (error) {
    return fail(usageError(error));
  }
  try {
    terminal.stdout.write(postgresTable(name, '--table').sql);
  } catch (error) {
    fail(`${messageOf(error)}.`);
  }
}
