import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseEnv } from 'node:util';

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

/** Returns the variables of an environment file; none if there is no file. */
export async function readEnvironmentFile(path: string): Promise<Environment> {
  return parseEnv((await readIfThere(path))?.replace(/^\xEF\xBB\xBF/, '') ?? '');
}

/**
 * Sets variables in an environment file. Replaces the lines of existing variables in place, removes those of `undefined` ones,
 * and keeps all other lines. A new file is readable only by its owner. Sets a random `SESSION_SECRET`, which express-session
 * needs, unless the file has one that is not empty.
 */
export async function writeEnvironmentFile(path: string, environment: Environment): Promise<void> {
  const before = (await readIfThere(path)) ?? '';
  const end = before.includes('\r\n') ? '\r\n' : '\n';
  const hasSecret = /^\s*(export\s+)?SESSION_SECRET\s*=[ \t]*(?!["'`]{2}|#)\S/m.test(before);
  const variables = hasSecret
    ? environment
    : { ...environment, SESSION_SECRET: randomBytes(32).toString('base64url') };
  const missing = new Map(linesOf(variables));
  const kept = entriesOf(before).flatMap((line) => {
    const [, prefix = '', name = ''] = /^((?:\xEF\xBB\xBF)?\s*(?:export\s+)?)(\w+)\s*=/.exec(line) ?? [];
    if (!Object.hasOwn(variables, name)) return [line];
    const text = missing.get(name);
    missing.delete(name); // of several, the first
    return text === undefined ? [] : [`${prefix}${text}${end}`];
  });
  if (!/(^|\n)$/.test(kept.at(-1) ?? '')) kept.push(end);
  const added = [...missing].map(([, text]) => text + end);
  await writeFile(path, [...kept, ...added].join(''), { encoding: 'latin1', mode: 0o600 });
}

/** Splits a file into its lines; those of one quoted value, such as a PEM key, stay together. */
function entriesOf(text: string): readonly string[] {
  const quotedValue =
    /[^\S\n]*(?:export[^\S\n]+)?[\w.-]+[^\S\n]*=[^\S\n]*(["'`])(?:(?!\1)[\s\S])*\1[^\S\n]*(?:#[^\n]*)?(?:\n|$)/;
  return text.match(new RegExp(`${quotedValue.source}|[^\n]*\n|[^\n]+$`, 'g')) ?? [];
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

// As latin1, one character per byte, so that other lines stay as they are in any encoding; the variables are ASCII.
async function readIfThere(path: string): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (text.includes('\0')) throw new Error(`${path} is not a text file in UTF-8. Save it as one.`);
  return text;
}
