import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const root = resolve(__dirname, '../..');

/** The text of a file of the project. */
export const projectFile = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The code blocks of a guide that name a file in their first line, by that name. */
export function blocksOf(guide: string): Map<string, string> {
  const blocks = projectFile(`docs/${guide}`).matchAll(/```\w+\n(?:\/\/|--|#) (\S+)\n([\s\S]*?)```/g);
  return new Map([...blocks].map(([, name = '', code = '']) => [name, code]));
}

/** A file in this folder that runs, for comparison with what a guide shows. */
export const runningFile = (folder: string, file: string): string =>
  projectFile(`test/docs/${folder}/${file}`);

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(page: string): Set<string> {
  const headings = page.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm);
  const seen = new Map<string, number>();
  const anchors = [...headings].map(([, heading = '']) => {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
  return new Set(anchors);
}
