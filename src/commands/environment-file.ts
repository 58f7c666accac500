import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Variables and their values; `undefined` removes a variable. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Formats the variables, one per line.
 *
 * @throws Error for a value that shells and dotenv cannot both read
 */
export function environmentText(environment: Environment): string {
  return linesOf(environment)
    .map(([, line]) => `${line}\n`)
    .join('');
}

/**
 * Checks whether {@link writeEnvironmentFile} is likely to succeed, before there are values that could get lost.
 *
 * @throws Error that says why it would fail
 */
export async function checkEnvironmentFile(path: string): Promise<void> {
  const isThere = (await readIfThere(path)) !== undefined;
  await access(isThere ? path : dirname(path), constants.W_OK);
}

/**
 * Sets variables in an environment file. Replaces the lines of existing variables in place, removes those of `undefined` ones,
 * and keeps all other lines. A new file is readable only by its owner. Adds a random `SESSION_SECRET`, which express-session
 * needs, unless the file has one.
 */
export async function writeEnvironmentFile(path: string, environment: Environment): Promise<void> {
  const before = (await readIfThere(path)) ?? '';
  const end = before.includes('\r\n') ? '\r\n' : '\n';
  const missing = new Map(linesOf(environment));
  const hasSecret = /^\s*(export\s+)?SESSION_SECRET\s*=/m.test(before);
  const kept = before.split(/(?<=\n)/).flatMap((line) => {
    const [, prefix = '', name = ''] = /^(\s*(?:export\s+)?)(\w+)\s*=/.exec(line) ?? [];
    if (!Object.hasOwn(environment, name)) return [line];
    const text = missing.get(name);
    missing.delete(name); // of several, the first
    return text === undefined ? [] : [`${prefix}${text}${end}`];
  });
  if (!/(^|\n)$/.test(kept.at(-1) ?? '')) kept.push(end);
  const secret = hasSecret ? [] : linesOf({ SESSION_SECRET: randomBytes(32).toString('base64url') });
  const added = [...missing, ...secret].map(([, text]) => text + end);
  await writeFile(path, [...kept, ...added].join(''), { mode: 0o600 });
}

function linesOf(environment: Environment): [name: string, line: string][] {
  return Object.entries(environment).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return [[name, `${name}=${quoted(name, value)}`]];
  });
}

// For shells and dotenv alike: in single quotes, both take every character literally.
function quoted(name: string, value: string): string {
  if (/^[\w.~:/%+=@,-]*$/.test(value)) return value;
  if (/^[\x20-\x26\x28-\x7e]*$/.test(value)) return `'${value}'`;
  throw new Error(`The value of ${name} has characters that do not fit in an environment file.`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
