import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import type { Environment } from './environment-file.js';
import { messageOf, type Terminal } from './terminal.js';

/** The lines about `--read-env` in the help of a command. */
export const readEnvHelp =
  '  --read-env FILE        read variables from this file, unless the environment has them';

/**
 * Returns the environment of a command, completed with the variables of the file of its option `--read-env`.
 *
 * @throws TypeError if the file cannot be read
 */
export function environmentOf(
  { env = {} }: Terminal,
  file: string | undefined,
  folder = process.cwd(),
): Environment {
  if (file === undefined) return env;
  try {
    const text = readFileSync(resolve(folder, file), 'utf8');
    // Editors and shells of Windows write them. dotenv skips the mark, but node --env-file does not.
    if (/^\uFEFF|\0/.test(text))
      throw new TypeError('save it as UTF-8 without a byte order mark, which hides its first variable');
    return { ...parseEnv(text), ...env };
  } catch (error) {
    throw new TypeError(`--read-env cannot read the file: ${messageOf(error)}`);
  }
}

/**
 * Refuses `--env-file`: Node.js has its own option of this name, and so has the Node.js that runs npx.
 *
 * @throws TypeError that names the options of the command
 */
export function refuseEnvFile(args: readonly string[], instead: string): void {
  if (args.some((arg) => /^--env-file(=|$)/.test(arg)))
    throw new TypeError(`--env-file is called ${instead} here, because node has its own --env-file.`);
}
