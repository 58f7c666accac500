/** Compiles the short code blocks of README and guides; those that name a file run in tests of their own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as library from 'passport-polar-sh';
import { runCommand } from '../../src/commands/run-command.js';
import { Terminal } from '../support/terminal.js';
import { projectFile, root } from './shown-code.js';

const pages = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

interface Block {
  /** Page and line. */
  readonly place: string;
  readonly language: string;
  readonly code: string;
}

/** The code blocks of a page. */
function blocksOf(page: string): Block[] {
  const text = projectFile(page);
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```/gm)].map((match) => {
    const [, indent = '', language = '', code = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    return { place: `${page}:${line}`, language, code: code.replaceAll(`\n${indent}`, '\n').trimStart() };
  });
}

const blocks = pages.flatMap(blocksOf);
const namesFile = ({ code }: Block) => /^(\/\/|--|#) \S+\.\w+\n/.test(code);

describe('a code block of README or guides', () => {
  const folder = mkdtempSync(join(root, 'test/docs/fragments-'));
  const fragments = blocks.filter((block) => block.language === 'ts' && !namesFile(block));
  let messages: string[] = [];

  beforeAll(() => {
    // What the fragments take for granted: the names of the package, and those of fragments/app.d.ts.
    const globals = Object.keys(library).map(
      (name) =>
        `declare const ${name}: typeof import('passport-polar-sh').${name};\n` +
        `${/^Polar/.test(name) ? `declare type ${name} = import('passport-polar-sh').${name};\n` : ''}`,
    );
    writeFileSync(join(folder, 'globals.d.ts'), globals.join(''));
    for (const [index, { code }] of fragments.entries()) {
      const statements = /^\w+: /.test(code) ? `({\n${code}});\n` : code;
      writeFileSync(join(folder, `${index}.ts`), `${statements}\nexport {};\n`);
    }
    const config = {
      extends: '../../../tsconfig.json',
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false, baseUrl: '../../..' },
      include: ['*.ts', '../fragments/*.d.ts'],
    };
    delete (config.compilerOptions as { baseUrl?: string }).baseUrl;
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    try {
      execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'], { cwd: folder });
    } catch (error) {
      messages = String((error as { stdout?: unknown }).stdout).split('\n');
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(fragments.map(({ place }, index) => [place, index] as const))('at %s compiles', (_place, index) => {
    expect(messages.filter((message) => message.startsWith(`${index}.ts`))).toEqual([]);
  });

  it('compiles together with all others', () => {
    expect(fragments.length).toBeGreaterThan(10);
    expect(messages.filter((message) => !/^\d+\.ts/.test(message) && message.trim() !== '')).toEqual([]);
  });
});

describe('a page with code that imports further packages', () => {
  // The quick start installs these; a NestJS app has its own.
  const installed = /^(\.|node:|passport-polar-sh|express$|express-session$|passport$|@nestjs\/)/;
  const isForExistingApps = /^docs\/(migrating|troubleshooting)\.md/;
  const imports = blocks
    .filter(({ place, language }) => /^[tj]s$/.test(language) && !isForExistingApps.test(place))
    .flatMap(({ place, code }) =>
      [...code.matchAll(/^(?:import |\} ).*from '((?:@[^/']+\/)?[^/']+)/gm)].map(
        ([, name = '']) => [place.split(':')[0] as string, name] as const,
      ),
    )
    .filter(([, name]) => !installed.test(name));
  const needed = [...new Map(imports.map((each) => [each.join(' '), each])).values()];

  it.each(needed)('%s says how to install %s', (page, name) => {
    expect(projectFile(page)).toMatch(new RegExp(`npm install .*(?<![\\w/])${name}(?![\\w/-])`));
  });
});

describe('a command of README or guides', () => {
  const lines = blocks
    .filter(({ language }) => language === 'sh' || language === 'yaml')
    .flatMap(({ place, code }) =>
      code
        .replaceAll('\\\n', ' ')
        .split('\n')
        .map((line) => [place, line.trim()] as const),
    );
  const commands = lines.flatMap(([place, line]) =>
    [...line.matchAll(/(?:passport-polar-sh(?:@[\w.]+)?|dist\/cli\.js) ([a-z-]+)( [^#|&]*)?/g)].map(
      ([, command = '', rest = '']) => [place, command, rest] as const,
    ),
  );

  it.each(commands)('at %s exists with its options: %s%s', async (_place, command, rest) => {
    const terminal = new Terminal(command, '--help');
    await runCommand(terminal);
    for (const [, option = ''] of rest.matchAll(/(--[a-z-]+)/g))
      expect(terminal.out).toContain(`  ${option} `);
  });

  it.each(
    lines.flatMap(([place, line]) =>
      [...line.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => [place, name]),
    ),
  )('at %s is a script of package.json: %s', (_place, name) => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(scripts).toHaveProperty([name as string]);
  });
});
