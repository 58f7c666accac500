import { constants } from 'node:fs';
import { access, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Variables and their values; those that are `undefined` are not to be set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * One line for each variable.
 *
 * @throws Error for a value that cannot stand on a line, whoever reads it
 */
export function environmentText(environment: Environment): string {
  return linesOf(environment)
    .map(([, line]) => `${line}\n`)
    .join('');
}

/**
 * Whether {@link writeEnvironmentFile} is likely to succeed: asked before there is something that could get lost.
 *
 * @throws Error that says why not
 */
export async function checkEnvironmentFile(path: string): Promise<void> {
  const isThere = (await readIfThere(path)) !== undefined;
  await access(isThere ? path : dirname(path), constants.W_OK);
}

/**
 * Sets variables in an environment file. Lines that set one of them are replaced where they stand, and those of
 * variables that are not to be set any more go; all other lines stay. A new file is readable by its owner alone.
 */
export async function writeEnvironmentFile(path: string, environment: Environment): Promise<void> {
  const before = (await readIfThere(path)) ?? '';
  const end = before.includes('\r\n') ? '\r\n' : '\n';
  const missing = new Map(linesOf(environment));
  const kept = before.split(/(?<=\n)/).flatMap((line) => {
    const [, prefix = '', name = ''] = /^(\s*(?:export\s+)?)(\w+)\s*=/.exec(line) ?? [];
    if (!Object.hasOwn(environment, name)) return [line];
    const text = missing.get(name);
    missing.delete(name); // of several, the first
    return text === undefined ? [] : [`${prefix}${text}${end}`];
  });
  if (!/(^|\n)$/.test(kept.at(-1) ?? '')) kept.push(end);
  const added = [...missing.values()].map((text) => text + end);
  await writeFile(path, [...kept, ...added].join(''), { mode: 0o600 });
}

function linesOf(environment: Environment): [name: string, line: string][] {
  return Object.entries(environment).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [[name, `${name}=${quoted(name, value)}`]];
  });
}

// Read by shells and by dotenv alike: in single quotes nothing means anything else to either.
function quoted(name: string, value: string): string {
  if (/^[\w.~:/%+=@,-]*$/.test(value)) return value;
  if (/^[\x20-\x26\x28-\x7e]*$/.test(value)) return `'${value}'`;
  throw new Error(`The value of ${name} has characters that it should not have.`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
