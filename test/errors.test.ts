import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import { docsURL } from '../src/docs-url.js';
import {
  PolarAPIVersionError,
  PolarAuthorizationError,
  PolarConfigurationError,
  PolarError,
  type PolarErrorCode,
  PolarIdTokenError,
  PolarInsufficientScopeError,
  PolarLoginRequiredError,
  PolarOAuthError,
  PolarOrganizationError,
  PolarResponseError,
  PolarTransientError,
} from '../src/errors.js';

type ErrorsModule = typeof import('../src/errors.js');

/** The module in a second copy of the package. */
function anotherCopy(): ErrorsModule {
  let copy: ErrorsModule | undefined;
  jest.isolateModules(() => {
    copy = jest.requireActual<ErrorsModule>('../src/errors.js');
  });
  if (copy === undefined) throw new Error('the module was not loaded');
  return copy;
}

const cause = new Error('underneath');

/** One error of each class, made with one copy of the module. */
function samples(from: ErrorsModule): Record<string, PolarError> {
  return {
    PolarError: new from.PolarError('invalid_verify_result', 'text', { cause, status: 500 }),
    PolarConfigurationError: new from.PolarConfigurationError('missing_session', 'text', { cause }),
    PolarAuthorizationError: new from.PolarAuthorizationError('text', {
      error: 'invalid_scope',
      errorDescription: 'said',
      status: 502,
      cause,
    }),
    PolarIdTokenError: new from.PolarIdTokenError('id_token_nonce', 'text', { cause }),
    PolarOAuthError: new from.PolarOAuthError('invalid_grant', 'text', {
      error: 'invalid_grant',
      errorDescription: 'said',
      httpStatus: 400,
      cause,
    }),
    PolarResponseError: new from.PolarResponseError('malformed_response', 'text', { field: 'sub', cause }),
    PolarTransientError: new from.PolarTransientError('rate_limited', 'text', {
      retryAfterSeconds: 60,
      cause,
    }),
    PolarLoginFailedError: new from.PolarLoginFailedError('attempt_used', 'text', { status: 403, cause }),
    PolarLoginRequiredError: new from.PolarLoginRequiredError('not_logged_in', 'text', { cause }),
    PolarAPIVersionError: new from.PolarAPIVersionError('text', '2026-04', { cause }),
    PolarInsufficientScopeError: new from.PolarInsufficientScopeError('text', ['a:read'], { cause }),
    PolarOrganizationError: new from.PolarOrganizationError('organization_not_accessible', 'text', {
      organizationId: 'o',
      cause,
    }),
  };
}

const own: ErrorsModule = jest.requireActual('../src/errors.js');
const classes = Object.entries(own).filter(([name]) => name.startsWith('Polar')) as [
  keyof ErrorsModule,
  typeof PolarError,
][];

const expectations: [keyof ErrorsModule, PolarErrorCode, number | undefined, Record<string, unknown>][] = [
  ['PolarError', 'invalid_verify_result', 500, {}],
  ['PolarConfigurationError', 'missing_session', undefined, {}],
  [
    'PolarAuthorizationError',
    'authorization_failed',
    502,
    { error: 'invalid_scope', errorDescription: 'said' },
  ],
  ['PolarIdTokenError', 'id_token_nonce', 502, {}],
  [
    'PolarOAuthError',
    'invalid_grant',
    502,
    { error: 'invalid_grant', errorDescription: 'said', httpStatus: 400 },
  ],
  ['PolarResponseError', 'malformed_response', 502, { field: 'sub' }],
  ['PolarTransientError', 'rate_limited', 503, { retryAfterSeconds: 60 }],
  ['PolarLoginFailedError', 'attempt_used', 403, {}],
  ['PolarLoginRequiredError', 'not_logged_in', 401, {}],
  ['PolarInsufficientScopeError', 'insufficient_scope', 403, { scopes: ['a:read'] }],
  ['PolarAPIVersionError', 'api_version_unknown', 500, { apiVersion: '2026-04' }],
  ['PolarOrganizationError', 'organization_not_accessible', 403, { organizationId: 'o' }],
];

describe('the error classes', () => {
  it('are all in the table of this test', () => {
    expect(expectations.map(([name]) => name).sort()).toEqual(classes.map(([name]) => name).sort());
  });

  it.each(expectations)(
    'include %s with code %s, status %s and its own details',
    (name, code, status, details) => {
      const error = samples(own)[name];
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name, code, message: 'text', cause, ...details });
      expect(error?.status).toBe(status);
      expect(error?.stack).toContain(`${name}: text`);
    },
  );

  it.each(expectations)(
    'let %s show only its code, status, address and details in JSON',
    (name, code, status, details) => {
      const shown = JSON.parse(JSON.stringify(samples(own)[name]));
      expect(shown).toEqual({
        code,
        docsURL: docsURL(code),
        ...(status !== undefined && { status }),
        ...details,
      });
    },
  );

  it('omit unknown details instead of setting them to undefined', () => {
    const bare = [
      new PolarError('timeout', 'text'),
      new PolarAuthorizationError('text', { error: 'x' }),
      new PolarOAuthError('oauth_error', 'text', { error: 'x', httpStatus: 400 }),
      new PolarResponseError('malformed_response', 'text'),
      new PolarTransientError('timeout', 'text'),
      new PolarOrganizationError('invalid_organization_id', 'text'),
    ];
    for (const error of bare) {
      for (const absent of ['cause', 'errorDescription', 'field', 'organizationId', 'retryAfterSeconds'])
        expect(absent in error).toBe(false);
    }
    expect('status' in (bare[0] as object)).toBe(false);
  });

  it('accept another status from the caller', () => {
    const error = new PolarOAuthError('invalid_client', 'text', {
      error: 'invalid_client',
      httpStatus: 401,
      status: 500,
    });
    expect(error.status).toBe(500);
    expect(new PolarOrganizationError('invalid_organization_id', 'text').status).toBe(404);
    expect(new PolarIdTokenError('id_token_missing', 'text', { status: 400 }).status).toBe(400);
  });
});

describe('instanceof', () => {
  const parents: Record<string, string[]> = Object.fromEntries(
    classes.map(([name]) => [name, name === 'PolarError' ? [name] : [name, 'PolarError']]),
  );

  it.each(classes)('recognizes the errors of %s and no others', (name, errorClass) => {
    for (const [made, error] of Object.entries(samples(own))) {
      expect([made, error instanceof errorClass]).toEqual([made, parents[made]?.includes(name)]);
    }
  });

  it.each(classes)('recognizes the errors of %s from another copy of the package', (name, errorClass) => {
    const copy = anotherCopy();
    expect(copy.PolarError).not.toBe(PolarError);
    for (const [made, error] of Object.entries(samples(copy))) {
      expect([made, error instanceof errorClass]).toEqual([made, parents[made]?.includes(name)]);
    }
  });

  it('recognizes an app’s subclasses in both copies', () => {
    class AppError extends PolarOAuthError {}
    const error = new AppError('invalid_grant', 'text', { error: 'invalid_grant', httpStatus: 400 });
    const copy = anotherCopy();
    expect(error.name).toBe('AppError');
    for (const yes of [AppError, PolarOAuthError, PolarError, copy.PolarOAuthError, copy.PolarError, Error]) {
      expect(error instanceof yes).toBe(true);
    }
    for (const no of [PolarResponseError, copy.PolarResponseError, copy.PolarTransientError]) {
      expect(error instanceof no).toBe(false);
    }
    expect(
      new PolarOAuthError('invalid_grant', 'text', { error: 'x', httpStatus: 400 }) instanceof AppError,
    ).toBe(false);
    expect(samples(copy)['PolarOAuthError'] instanceof AppError).toBe(false);
  });

  it('does not mistake an app’s class of the same name for the package’s', () => {
    const copy = anotherCopy();
    const Namesake = class PolarTransientError extends PolarError {};
    expect(samples(copy)['PolarTransientError'] instanceof Namesake).toBe(false);
  });

  it('recognizes subclasses of an app’s subclasses in both copies', () => {
    class AppError extends PolarError {}
    class AppTimeout extends AppError {}
    const error = new AppTimeout('timeout', 'text');
    expect(error instanceof PolarError).toBe(true);
    expect(error instanceof anotherCopy().PolarError).toBe(true);
  });

  it('does not trust the name of an app’s class', () => {
    const Namesake = class PolarTransientError extends PolarError {};
    const error = new Namesake('timeout', 'text');
    expect(error instanceof PolarError).toBe(true);
    expect(error instanceof PolarTransientError).toBe(false);
  });

  it.each([
    ['a plain object', { name: 'PolarError', code: 'timeout', message: 'text' }],
    ['another error', Object.assign(new Error('text'), { code: 'timeout', name: 'PolarError' })],
    ['an error that was parsed from JSON', JSON.parse(JSON.stringify(new PolarError('timeout', 'text')))],
    ['null', null],
    ['undefined', undefined],
    ['a string', 'PolarError'],
    ['a function', PolarError],
    ['the prototype of another class', Error.prototype],
  ])('rejects %s', (_what, value) => {
    for (const [, errorClass] of classes) expect((value as unknown) instanceof errorClass).toBe(false);
  });
});

describe('an error', () => {
  it('keeps its mark out of inspect, JSON and enumeration', () => {
    for (const error of Object.values(samples(own))) {
      expect(inspect(error)).not.toContain('passport-polar-sh.error');
      expect(
        Object.getOwnPropertySymbols(error).filter((symbol) =>
          Object.prototype.propertyIsEnumerable.call(error, symbol),
        ),
      ).toEqual([]);
      expect(Object.keys(error)).not.toContain('name');
    }
  });

  it('shows where to read about its code in the log, but not in its message', () => {
    for (const error of Object.values(samples(own))) {
      expect(inspect(error)).toContain(`docsURL: '${docsURL(error.code)}'`);
      expect(error.message).toBe('text');
    }
  });

  it('links to the docs of its own version, also if it comes from another copy of the package', () => {
    const { version } = JSON.parse(readFileSync(resolve(__dirname, '../package.json'), 'utf8'));
    for (const error of Object.values(samples(anotherCopy()))) {
      expect(Object.getOwnPropertyDescriptor(error, 'docsURL')?.value).toBe(
        `https://unpkg.com/passport-polar-sh@${version}/docs/troubleshooting.md#${error.code}`,
      );
    }
  });

  it('does not show unknown options of the caller', () => {
    const options = {
      error: 'invalid_grant',
      httpStatus: 400,
      secret: 'polar_cs_hidden',
      token: 'polar_rt_hidden',
    };
    const shown = [
      new PolarOAuthError('invalid_grant', 'text', options),
      new PolarAuthorizationError('text', options),
      new PolarResponseError('malformed_response', 'text', options as object),
      new PolarTransientError('timeout', 'text', options as object),
      new PolarLoginRequiredError('logged_out', 'text', options as object),
      new PolarConfigurationError('missing_session', 'text', options as object),
      new PolarInsufficientScopeError('text', [], options as object),
      new PolarAPIVersionError('text', '2026-04', options as object),
    ];
    for (const error of shown)
      expect(inspect(error, { showHidden: true, depth: 9 }) + JSON.stringify(error)).not.toContain('hidden');
  });
});
