import { readFile, writeFile } from 'node:fs/promises';

/** Variables and their values. */
export type Environment = Readonly<Record<string, string>>;

/**
 * One line for each variable.
 *
 * @throws Error for a value with blanks or line breaks, which could pass for a variable of its own
 */
export function environmentText(environment: Environment): string {
  for (const [name, value] of Object.entries(environment)) {
    if (!/^[\x21-\x7e]*$/.test(value))
      throw new Error(`The value of ${name} has characters that it should not have.`);
  }
  return Object.entries(environment)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/**
 * Sets variables in an environment file: lines that set them already are replaced, all others stay. A new file is
 * readable by its owner alone.
 */
export async function writeEnvironmentFile(path: string, environment: Environment): Promise<void> {
  const kept = (await readIfThere(path))
    .split(/(?<=\n)/)
    .filter((line) => !Object.hasOwn(environment, /^\s*(?:export\s+)?(\w+)\s*=/.exec(line)?.[1] ?? ''))
    .join('');
  const separator = kept === '' || kept.endsWith('\n') ? '' : '\n';
  await writeFile(path, kept + separator + environmentText(environment), { mode: 0o600 });
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
