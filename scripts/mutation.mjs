// Makes small changes, one at a time, to the modules on which security depends, and checks that their tests fail.
//
//   npm run mutation                  all modules (about an hour on two cores)
//   npm run mutation -- id-token      one module
//
// Results for unchanged code and tests are taken from the last run (coverage/mutation).
// docs/mutation.md has the last figures, and explains why the surviving changes are harmless.
import { Stryker } from '@stryker-mutator/core';

const neededScore = 90;

/** The files to change, and the tests that must notice: the fast ones, because they run for each change. */
const modules = {
  'id-token': { mutate: ['src/id-token/**/*.ts'], tests: ['id-token/*', 'id-token/verify-id-token/*'] },
  attempts: {
    mutate: ['src/attempts/*.ts'],
    tests: ['attempts/*', 'flows/{login-attempts,tabs,callback}', 'conformance/attempts'],
  },
  tokens: {
    mutate: ['src/tokens/*.ts', 'src/sealing/*.ts'],
    tests: ['tokens/*', 'sealing/*'],
  },
  // Uses real servers, which takes longer. Its tests import the package by name, so Jest finds no related tests.
  storage: {
    mutate: ['src/storage/**/*.ts'],
    tests: ['storage/*'],
    enableFindRelatedTests: false,
  },
  refresh: {
    mutate: [
      'src/refresh/**/*.ts',
      'src/async/*.ts',
      'src/http/circuit-breaker.ts',
      '!src/refresh/login-lock.ts',
    ],
    tests: [
      'async/*',
      'http/circuit-breaker',
      'refresh/{login-sync,login-errors,refusal-log,issued-tokens}',
      'refresh/token-refresher/*',
    ],
  },
  'login-lock': {
    mutate: ['src/refresh/login-lock.ts'],
    tests: ['refresh/login-lock/{holding,storages,take-over}'],
  },
  'return-to': { mutate: ['src/request/return-to.ts'], tests: ['request/return-to'] },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in modules));
if (unknown.length > 0) {
  console.error(`Unknown module ${unknown.join(', ')}. Modules: ${Object.keys(modules).join(', ')}`);
  process.exit(2);
}

const reports = [];
for (const [name, module] of Object.entries(modules)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  reports.push(report(name, await survey(name, module)));
}
console.log(`\n${reports.map(({ line }) => line).join('\n')}`);
if (reports.some(({ score }) => !(score >= neededScore))) {
  console.error(`Below ${neededScore} %`);
  process.exit(1);
}

async function survey(name, { mutate, tests, enableFindRelatedTests = true }) {
  const stryker = new Stryker({
    mutate,
    testRunner: 'jest',
    jest: {
      configFile: 'jest.config.ts',
      enableFindRelatedTests,
      config: { testMatch: tests.map((test) => `**/test/${test}.test.ts`) },
    },
    plugins: ['@stryker-mutator/jest-runner'],
    coverageAnalysis: 'perTest',
    timeoutMS: 10_000,
    concurrency: 2,
    incremental: true,
    incrementalFile: `coverage/mutation/${name}.json`,
    reporters: ['progress-append-only', 'html'],
    htmlReporter: { fileName: `coverage/mutation/${name}.html` },
    tempDirName: 'coverage/stryker',
    ignorePatterns: ['coverage', 'dist'],
    // Stryker would rewrite it with the TypeScript 5 API; swc, which runs the tests, does not read it.
    tsconfigFile: 'none.json',
    allowConsoleColors: false,
  });
  return stryker.runMutationTest();
}

function report(name, mutants) {
  const count = (...statuses) => mutants.filter(({ status }) => statuses.includes(status)).length;
  const found = count('Killed', 'Timeout');
  const left = count('Survived', 'NoCoverage');
  // The others are changes with which a test file does not load.
  const untried = mutants.find(({ statusReason }) => statusReason?.startsWith('Invalid regular expression'));
  if (untried !== undefined) throw new Error(`Names of tests are too long: ${untried.statusReason}`);
  const score = (100 * found) / (found + left);
  return {
    score,
    line: [
      `${name}: ${score.toFixed(1)} %, ${found} of ${found + left} found`,
      ...mutants
        .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
        .map(
          ({ fileName, location, mutatorName, replacement, status }) =>
            `  ${fileName.replace(`${process.cwd()}/`, '')}:${location.start.line}:${location.start.column} ` +
            `${mutatorName}${status === 'NoCoverage' ? ' (no test runs it)' : ''}: ${replacement.replace(/\s+/g, ' ')}`,
        ),
    ].join('\n'),
  };
}
