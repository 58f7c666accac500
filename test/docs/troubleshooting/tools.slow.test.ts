/** The symptoms of docs/troubleshooting.md that come from tools: Jest and the TypeScript compiler run as processes. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import config from '../../../jest.config';
import { blocksOf, root } from '../shown-code.js';
import { fixesOf, runFix } from './shown-fix.js';

const run = promisify(execFile);
const jestCommand = join(dirname(require.resolve('jest/package.json')), 'bin/jest.js');
const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');

let project: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'passport-polar-sh-tools-'));
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
});
afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  child = undefined;
  rmSync(project, { recursive: true, force: true });
});

/** Runs Jest on one test file. Resolves with its exit code, or with `hangs` once it says that it does not exit. */
async function runJest(file: string, code: string, options: object): Promise<string> {
  mkdirSync(join(project, 'test'), { recursive: true });
  writeFileSync(join(project, 'test', file), code);
  writeFileSync(join(project, 'jest.config.json'), JSON.stringify({ rootDir: project, ...options }));
  const args = ['--config', join(project, 'jest.config.json'), '-w', '1'];
  const jest = spawn(process.execPath, [jestCommand, ...args], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child = jest;
  return new Promise((resolve) => {
    let output = '';
    jest.stderr.on('data', (chunk: Buffer) => {
      output += String(chunk);
      if (output.includes('Jest did not exit')) resolve(`hangs: ${output}`);
    });
    jest.on('close', (exitCode) => resolve(`exits with ${exitCode}: ${output}`));
  });
}

describe('My tests hang', () => {
  it('because the local Polar is still open', async () => {
    const shown = blocksOf('troubleshooting.md').get('emulator.test.ts') ?? '';
    const broken = shown.replace(/^afterAll\(.*\n/m, '').replace('afterAll, ', '');
    expect(broken).not.toContain('afterAll');
    // The transform is this project's, since the test runs the sources of the package.
    const { transform, transformIgnorePatterns } = config;
    const moduleNameMapper = Object.fromEntries(
      Object.entries(config.moduleNameMapper ?? {}).map(([name, path]) => [
        name,
        String(path).replace('<rootDir>', root),
      ]),
    );
    const options = { transform, transformIgnorePatterns, moduleNameMapper };
    expect(await runJest('emulator.test.ts', broken, options)).toMatch(/^hangs: /);
    child?.kill('SIGKILL');
    expect(await runJest('emulator.test.ts', shown, options)).toMatch(/^exits with 0: /);
  });
});

describe('ERR_REQUIRE_ESM, or Jest cannot import a module', () => {
  it('because the package that the message names is ESM only', async () => {
    const code =
      "const { decodeJwt } = require('jose');\ntest('loads', () => expect(decodeJwt).toBeDefined());\n";
    const module = { exports: {} };
    runFix(fixesOf('ERR_REQUIRE_ESM, or Jest cannot import a module')[0] as string, { module });
    const fixed = await runJest('jose.test.js', code, module.exports);
    expect(fixed).toMatch(/^exits with 0: /);

    // Plain Jest fails where it cannot require ESM; the newest versions of Node.js can.
    const [major = 0] = process.versions.node.split('.').map(Number);
    const broken = await runJest('jose.test.js', code, {});
    if (major < 24) {
      expect(broken).toMatch(/^exits with 1: /);
      expect(broken).toMatch(
        /Must use import to load ES Module|Cannot use import statement|Unexpected token 'export'/,
      );
      expect(broken).toContain('jose');
    }
  });
});

/** Compiles a file as that of an app with this package. Resolves with the messages, none if it is right. */
async function compile(code: string): Promise<string> {
  const paths = { 'passport-polar-sh': [join(root, 'src/index.ts')] };
  const compilerOptions = {
    ...{ noEmit: true, strict: true, skipLibCheck: true, target: 'es2022', esModuleInterop: true },
    ...{ module: 'preserve', moduleResolution: 'bundler', types: ['node'], paths },
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['routes.ts'] }));
  writeFileSync(join(project, 'routes.ts'), code);
  const compiled = run(process.execPath, [compiler, '-p', project], { cwd: project });
  return (await compiled.catch((error: { stdout: string }) => error)).stdout;
}

describe('TypeScript says that polar does not exist on type Request', () => {
  it('because the compiler does not read the types of this package', async () => {
    const [shown = ''] = fixesOf('TypeScript says that polar does not exist on type Request');
    const broken = shown.replace("import 'passport-polar-sh';\n", '');
    expect(broken).not.toBe(shown);
    expect(await compile(broken)).toMatch(/error TS2339: Property 'polar' does not exist on type 'Request</);
    expect(await compile(shown)).toBe('');
  });
});

describe('TypeScript says that displayName does not exist on type User', () => {
  it('because the app has not declared its users, or has declared others', async () => {
    const [shown = ''] = fixesOf('TypeScript says that displayName does not exist on type User');
    const undeclared = await compile(shown.replace(/^declare global \{\n[\s\S]*?^\}\n/m, ''));
    expect(undeclared).toContain("error TS2339: Property 'displayName' does not exist on type 'User'");
    const unconverted = await compile(shown.replace('as unknown as', 'as'));
    expect(unconverted).toContain(
      "error TS2352: Conversion of type 'User | undefined' to type 'PolarBearerUser' may be a mistake",
    );
    expect(await compile(shown)).toBe('');
  });
});

describe('TypeScript says that accessToken implicitly has an any type', () => {
  it('because it takes the parameters of a classic verify callback for those of another form', async () => {
    const [shown = ''] = fixesOf('TypeScript says that accessToken implicitly has an any type');
    const [, callback = ''] = /^const verify: ClassicVerify = (.*);$/m.exec(shown) ?? [];
    const broken = shown
      .replace(/^const verify.*\n/m, '')
      .replace(/\bverify\b/, callback.replace('_accessToken', 'accessToken'));
    expect(await compile(broken)).toContain(
      "error TS7006: Parameter 'accessToken' implicitly has an 'any' type",
    );
    expect(await compile(shown)).toBe('');
  });
});
