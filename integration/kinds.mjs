// The kinds of project in which the packed tarball is tried. README's "Compatibility" names what stands here.

/**
 * @typedef {object} Kind
 * @property {string} name the line that is printed, and what an argument of run.mjs is looked for in
 * @property {string} app folder of this one with the app
 * @property {Record<string, string>} [versions] other majors than the app's package.json has
 * @property {string} [type] of its package.json
 * @property {'npm' | 'pnpm' | 'yarn'} [installer]
 * @property {string} [node] major of Node, of those in tools/; the one that runs this if left out
 * @property {string[][]} commands each a program of node_modules (`node`, `bun` and so on: of tools/) and its arguments
 * @property {RegExp} prints what the last command says on stdout or stderr if all went well
 */

const loggedIn = /^logged in as ada@example\.com$/m;

const both = [
  ['node', 'app.cjs'],
  ['node', 'app.mjs'],
];
const nest = [
  ['tsc', '-p', '.'],
  ['node', 'log-in.mjs'],
];

/** One file with all public names, for a compiler and Express's types. Prints the configurations that it passed. */
const types = (typescript, express) => ({
  name: `TypeScript ${typescript}, @types/express ${express}`,
  app: 'typescript',
  versions: { '@types/express': express, express },
  commands: [['node', 'check.mjs', typescript]],
  prints: /^compiled with (\S+, ){2,}\S+$/m,
});

/** @type {Kind[]} */
export const kinds = [
  ...['4', '5'].flatMap((express) =>
    ['0.6', '0.7'].map((passport) => ({
      name: `Express ${express}, Passport ${passport}, CommonJS and ESM`,
      app: 'express',
      versions: { express, passport },
      commands: both,
      prints: loggedIn,
    })),
  ),
  ...['20', '22', '24'].map((node) => ({
    name: `Node ${node}, CommonJS and ESM`,
    app: 'express',
    node,
    commands: both,
    prints: loggedIn,
  })),
  ...['11', '12'].map((nestjs) => ({
    name: `NestJS ${nestjs}`,
    app: 'nestjs',
    // NestJS 12 is ESM only, needs Node 22 and makes new projects ESM.
    node: nestjs === '11' ? '20' : '22',
    versions: Object.fromEntries(
      ['common', 'core', 'passport', 'platform-express'].map((part) => [`@nestjs/${part}`, nestjs]),
    ),
    type: nestjs === '11' ? 'commonjs' : 'module',
    commands: nest,
    prints: loggedIn,
  })),
  ...['5.0', '5.9', '6', '7'].flatMap((typescript) =>
    ['4', '5'].map((express) => types(typescript, express)),
  ),
  {
    name: 'Jest with swc',
    app: 'test-runners',
    commands: [['jest', '-c', 'jest.swc.config.cjs']],
    prints: /^Tests: +1 passed, 1 total$/m,
  },
  {
    name: 'Jest with ts-jest',
    app: 'test-runners',
    commands: [['jest', '-c', 'jest.ts-jest.config.cjs']],
    prints: /^Tests: +1 passed, 1 total$/m,
  },
  {
    name: 'Vitest',
    app: 'test-runners',
    node: '22', // or newer: Vitest 5 does not run on Node 20
    commands: [['vitest', 'run', 'vitest.test.ts']],
    prints: /Tests +1 passed \(1\)/,
  },
  {
    name: 'node:test',
    app: 'test-runners',
    commands: [
      ['tsc', '-p', '.'],
      ['node', '--test', '--test-reporter=tap', 'node-test.mjs'],
    ],
    prints: /^# pass 1\n# fail 0$/m,
  },
  ...['', '--minify'].map((flag) => ({
    name: `esbuild to CommonJS${flag && ', minified'}`,
    app: 'bundlers',
    commands: [
      [
        'esbuild',
        'app.mjs',
        '--bundle',
        '--platform=node',
        `--outfile=esbuild${flag}.cjs`,
        ...(flag ? [flag] : []),
      ],
      ['node', `esbuild${flag}.cjs`],
    ],
    prints: loggedIn,
  })),
  {
    name: 'esbuild to ESM',
    app: 'bundlers',
    // The banner is what Express needs itself (README, "Compatibility").
    commands: [
      [
        'esbuild',
        'app.mjs',
        '--bundle',
        '--platform=node',
        '--format=esm',
        "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
        '--outfile=esbuild.mjs',
      ],
      ['node', 'esbuild.mjs'],
    ],
    prints: loggedIn,
  },
  {
    name: 'webpack, minified',
    app: 'bundlers',
    commands: [['webpack'], ['node', 'webpack.cjs']],
    prints: loggedIn,
  },
  {
    name: 'bundled by Bun for Node.js',
    app: 'bundlers',
    commands: [
      ['bun', 'build', 'app.mjs', '--target=node', '--outfile=bun.mjs'],
      ['node', 'bun.mjs'],
    ],
    prints: loggedIn,
  },
  { name: 'pnpm', app: 'express', installer: 'pnpm', commands: both, prints: loggedIn },
  {
    name: 'Yarn Plug’n’Play',
    app: 'express',
    installer: 'yarn',
    commands: [
      ['yarn', 'node', 'app.cjs'],
      ['yarn', 'node', 'app.mjs'],
    ],
    prints: loggedIn,
  },
  {
    name: 'Bun',
    app: 'express',
    commands: [
      ['bun', 'app.cjs'],
      ['bun', 'app.mjs'],
    ],
    prints: loggedIn,
  },
  {
    name: 'Deno',
    app: 'express',
    commands: [
      ['deno', 'run', '--allow-all', 'app.cjs'],
      ['deno', 'run', '--allow-all', 'app.mjs'],
    ],
    prints: loggedIn,
  },
  { name: 'publint', app: 'tools', commands: [['publint', 'TARBALL', '--strict']], prints: /All good!/ },
  { name: 'attw', app: 'tools', commands: [['attw', 'TARBALL']], prints: /No problems found/ },
];
