import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { optionNames } from '../../src/strategy-options.js';
import { startTestApp } from '../support/test-app.js';
import { addRoutes } from './express-4/route.js';
import { anchorsOf, projectFile, root, runningFile } from './shown-code.js';

const readme = projectFile('README.md');
const section = (title: string) => readme.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const firstColumn = (text: string) =>
  [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );

describe('the README', () => {
  it.each([
    ['ts', 'app.ts'],
    ['js', 'app.mjs'],
  ])('begins with the quick start in %s exactly as its test runs it', (language, file) => {
    const shown = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
    expect(shown).toBe(runningFile('quick-start', file));
  });

  it('has the command that installs it and its first code on the first screen', () => {
    const lines = readme.split('\n');
    expect(lines.findIndex((line) => line.startsWith('npm install passport-polar-sh'))).toBeLessThan(12);
    expect(lines.indexOf('```ts')).toBeLessThan(16);
  });

  it('links only to pages and sections that exist', () => {
    const pages = ['README.md', ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`)].filter(
      (file) => file.endsWith('.md'),
    );
    const missing = pages.flatMap((page) =>
      [...projectFile(page).matchAll(/\]\(((?!https?:)[^)\s]*)\)/g)].flatMap(([, link = '']) => {
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? join(root, page) : join(root, dirname(page), path);
        if (!existsSync(target)) return [`${page}: ${link}`];
        return anchor === undefined || anchorsOf(readFileSync(target, 'utf8')).has(anchor)
          ? []
          : [`${page}: ${link}`];
      }),
    );
    expect(missing).toEqual([]);
  });

  it('leads to every guide', () => {
    const guides = readdirSync(join(root, 'docs')).filter((file) => file.endsWith('.md'));
    expect(guides.filter((file) => !section('Guides').includes(`(docs/${file})`))).toEqual([]);
  });

  it('shows code for Express 4, in its first guide, that compiles and passes rejections to next', async () => {
    const [, guide = ''] = projectFile('docs/getting-started.md').split('## Express 4');
    const shown = /```ts\n([\s\S]*?)```/.exec(guide)?.[1];
    const run = runningFile('express-4', 'route.ts');
    const body = /app: Express\): void \{\n([\s\S]*)\n\}/.exec(run)?.[1] ?? '';
    expect(shown).toBe(`import type { RequestHandler } from 'express';\n\n${body.replace(/^ {2}/gm, '')}\n`);

    for (const scope of ['openid organizations:read', 'openid']) {
      const app = await startTestApp({ routes: addRoutes, strategy: { scope } });
      try {
        const browser = app.browser();
        await browser.logIn();
        const { body } = await browser.get('/organizations');
        if (scope === 'openid') expect(body.code).toBe('insufficient_scope');
        else expect(body.items).toBeInstanceOf(Array);
      } finally {
        await app.close();
      }
    }
  });

  it('lists every option', () => {
    expect(optionNames.length).toBeGreaterThan(15);
    expect(firstColumn(section('Options')).filter((name) => !name?.includes('('))).toEqual(
      expect.arrayContaining([...optionNames]),
    );
  });
});
