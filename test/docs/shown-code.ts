import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The code blocks of a guide that name a file in their first line, by that name. */
export function blocksOf(guide: string): Map<string, string> {
  const text = readFileSync(join(resolve(__dirname, '../..'), 'docs', guide), 'utf8');
  const blocks = text.matchAll(/```\w+\n(?:\/\/|--|#) (\S+)\n([\s\S]*?)```/g);
  return new Map([...blocks].map(([, name = '', code = '']) => [name, code]));
}

/** A file beside this one that runs, to be compared with what a guide shows. */
export function runningFile(folder: string, file: string): string {
  return readFileSync(join(__dirname, folder, file), 'utf8');
}
