/** docs/troubleshooting.md has a section about every error and warning, and one for each symptom that a test reproduces. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { oauthError } from '../../src/client/oauth-error.js';
import { docsURL } from '../../src/docs-url.js';
import {
  PolarAPIVersionError,
  PolarAuthorizationError,
  PolarConfigurationError,
  type PolarError,
  PolarIdTokenError,
  PolarInsufficientScopeError,
  PolarLoginRequiredError,
  PolarOrganizationError,
  PolarResponseError,
  PolarTransientError,
} from '../../src/errors.js';
import { failed, failureError } from '../../src/passport/login-outcome.js';
import { anchorsOf, blocksOf, projectFile, root, runningFile } from './shown-code.js';

const guide = projectFile('docs/troubleshooting.md');
const readme = projectFile('README.md');
const [symptoms = '', codes = ''] = guide.split('\n## By symptom\n')[1]?.split('\n## By code\n') ?? [];

/** The sections of a part, by their titles. */
const sectionsOf = (part: string) =>
  new Map(
    part
      .split('\n### ')
      .slice(1)
      .map((text) => [text.split('\n', 1)[0] as string, text]),
  );

/** The members of a union of string literals in a file of the package. */
function membersOf(file: string, type: string): string[] {
  const [, body = ''] = new RegExp(`export type ${type} =\\n([\\s\\S]*?);\\n`).exec(projectFile(file)) ?? [];
  return [...body.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, code = '']) => code);
}

const loginFailures = membersOf('src/errors.ts', 'LoginFailureCode');
const idTokenErrors = membersOf('src/errors.ts', 'IdTokenErrorCode');
const oauthErrors = membersOf('src/errors.ts', 'OAuthErrorCode');
const otherErrors = membersOf('src/errors.ts', 'PolarErrorCode');
const errorCodes = [...new Set([...otherErrors, ...loginFailures, ...idTokenErrors, ...oauthErrors])];
const warningCodes = membersOf('src/warnings.ts', 'WarningCode');

/** An error of each code, if the class alone decides about its status. */
function sampleOf(code: string): PolarError | undefined {
  if (loginFailures.includes(code)) return failureError(failed(code as never) as never);
  if (idTokenErrors.includes(code)) return new PolarIdTokenError(code as never, '');
  if (oauthErrors.includes(code))
    return oauthError({ status: 400, body: { error: code } } as never, 'request', []);
  const [, text = ''] = /^`(Polar\w+)`/m.exec(sectionsOf(codes).get(code) ?? '') ?? [];
  const classes: Record<string, () => PolarError> = {
    PolarAPIVersionError: () => new PolarAPIVersionError('', ''),
    PolarAuthorizationError: () => new PolarAuthorizationError('', { error: '' }),
    PolarConfigurationError: () => new PolarConfigurationError(code as never, ''),
    PolarInsufficientScopeError: () => new PolarInsufficientScopeError('', []),
    PolarLoginRequiredError: () => new PolarLoginRequiredError(code as never, ''),
    PolarOrganizationError: () => new PolarOrganizationError(code as never, ''),
    PolarResponseError: () => new PolarResponseError(code as never, ''),
    PolarTransientError: () => new PolarTransientError(code as never, ''),
  };
  return classes[text]?.();
}

describe('the guide to troubleshooting', () => {
  it('has a section for each error and each warning, and for no other code', () => {
    expect(
      [loginFailures, idTokenErrors, oauthErrors, otherErrors, warningCodes].map(({ length }) => length),
    ).toEqual([11, 12, 11, 28, 9]);
    const titles = [...codes.matchAll(/^### (.*)$/gm)].map(([, title]) => title);
    expect(titles.sort()).toEqual([...errorCodes, ...warningCodes].sort());
  });

  it('is in the package, with these sections where errors and warnings link to', () => {
    expect(JSON.parse(projectFile('package.json')).files).toContain('docs');
    const anchors = anchorsOf(guide);
    for (const code of [...errorCodes, ...warningCodes]) {
      const [file, anchor] =
        docsURL(code)
          .split(/@[^/]+\//)[1]
          ?.split('#') ?? [];
      expect(file).toBe('docs/troubleshooting.md');
      expect(anchors).toContain(anchor);
    }
  });

  it('covers all that the package prints, because it prints nothing elsewhere', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
    const printing = files.filter(
      (file) =>
        file.endsWith('.ts') &&
        !/^(commands|emulator|cli)\b/.test(file) &&
        // Comments show code that prints.
        /^(?! *(\*|\/\/)).*(process\.stderr|console\.\w|emitWarning)/m.test(projectFile(`src/${file}`)),
    );
    expect(printing.sort()).toEqual(['options/secure-url.ts', 'warnings.ts']);
  });

  it.each([...sectionsOf(codes)])(
    'says about %s what happened, why, what to do, and whether to retry',
    (_code, text) => {
      expect(text).toMatch(
        /^\w+\n\n(`Polar\w+`, status \d{3}|Warning, no status|Process warning)[\s\S]*\n\n- \*\*Causes\*\*: [\s\S]*\n- \*\*Do\*\*: [\s\S]*\n- \*\*Retry\*\*: /,
      );
    },
  );

  it.each(errorCodes)('names the class and the status of %s', (code) => {
    const text = sectionsOf(codes).get(code) ?? '';
    const error = sampleOf(code);
    // Errors of the base class say their status where they are made.
    const [name, status] = error === undefined ? ['PolarError', 500] : [error.name, error.status ?? 500];
    expect(text.replace(/\s+/g, ' ')).toContain(`\`${name}\`, status ${status}`);
  });

  it('names both classes of the code that two of them share', () => {
    expect(loginFailures.filter((code) => oauthErrors.includes(code))).toEqual(['access_denied']);
    const text = sectionsOf(codes).get('access_denied')?.replace(/\s+/g, ' ');
    expect(text).toContain('as `PolarOAuthError`, status 502');
  });

  it('has only symptoms that a test reproduces, each with why, what to do and how to make sure', () => {
    const tests = ['symptoms.test.ts', 'tools.slow.test.ts'].map((file) =>
      runningFile('troubleshooting', file),
    );
    const reproduced = tests.flatMap((text) =>
      [...text.matchAll(/^describe\('(.*)', /gm)].map(([, title]) => title),
    );
    expect([...sectionsOf(symptoms).keys()].sort()).toEqual(reproduced.sort());
    for (const text of sectionsOf(symptoms).values())
      for (const part of ['**You see**', '**Why**', '**Do**', '**Make sure**']) expect(text).toContain(part);
  });

  it('shows the test of the local Polar exactly as it runs, and no other file', () => {
    const shown = blocksOf('troubleshooting.md');
    expect([...shown.keys()]).toEqual(['emulator.test.ts']);
    expect(shown.get('emulator.test.ts')).toBe(runningFile('troubleshooting', 'emulator.test.ts'));
  });
});

describe('the README', () => {
  it('links each error code to its section', () => {
    const table = readme.split('\n## Errors\n')[1]?.split('\n## ')[0] ?? '';
    for (const code of errorCodes) expect(table).toContain(`[\`${code}\`](docs/troubleshooting.md#${code})`);
    expect(table.split('\n').length).toBeLessThan(30);
  });
});
