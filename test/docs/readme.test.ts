import { describe, expect, it } from '@jest/globals';
import * as library from 'passport-polar-sh';
import { optionNames } from '../../src/strategy-options.js';
import { startTestApp } from '../support/test-app.js';
import { addRoutes } from './express-4/route.js';
import { projectFile, runningFile } from './shown-code.js';

const readme = projectFile('README.md');
const section = (title: string) => readme.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const firstColumn = (text: string) =>
  [...text.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );

describe('the README', () => {
  it('shows the quick start exactly as its test runs it', () => {
    const shown = /```ts\n([\s\S]*?)```/.exec(section('Quick start'))?.[1] ?? '';
    const run = projectFile('test/support/quick-start.ts');
    const body = /quickStart\(server: PolarServer\) \{\n([\s\S]*?) {2}return \{ app \};/.exec(run)?.[1] ?? '';
    // Line breaks do not matter, and the server and the port differ on purpose.
    const normal = (code: string) =>
      code
        .replace(/^(import .*|app\.listen.*| *server[:,].*)$/gm, '')
        .replace(/\s+/g, '')
        .replace(/,\)/g, ')');
    expect(normal(body).length).toBeGreaterThan(1000);
    expect(normal(shown)).toBe(normal(body));
    expect(shown).toContain("server: 'sandbox',");
    for (const [, names = ''] of shown.matchAll(/import \{ (.*) \} from 'passport-polar-sh'/g)) {
      for (const name of names.split(', ')) expect(library).toHaveProperty(name);
    }
  });

  it('shows code for Express 4 that compiles and passes rejections to next', async () => {
    const shown = [...section('Quick start').matchAll(/```ts\n([\s\S]*?)```/g)][1]?.[1] ?? '';
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

  it('lists every error code', () => {
    const source = projectFile('src/errors.ts');
    const codes = [...source.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, code]) => code as string);
    expect(codes.length).toBeGreaterThan(30);
    const listed = firstColumn(section('Errors'));
    expect(codes.filter((code) => !code.startsWith('id_token_') && !listed.includes(code))).toEqual([]);
    expect(listed).toContain('id_token_...');
  });
});
