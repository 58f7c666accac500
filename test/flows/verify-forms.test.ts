/** Verify callbacks from wrappers, mocks and frameworks: their declared length proves nothing, and any way to respond counts. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { PolarStrategy } from 'passport-polar-sh';
import { startTestApp, type TestApp } from '../support/test-app.js';

let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

type Done = (error?: unknown, user?: unknown, info?: unknown) => void;
type Login = { profile: { id: string } };
// biome-ignore lint/complexity/noBannedTypes: any function is what is tested
async function logInWith(verify: Function, strategy = {}) {
  app = await startTestApp({ verify, strategy, callback: { successReturnToOrRedirect: undefined } as never });
  return app.browser().logIn();
}
const me = { id: '11111111-1111-4111-8111-111111111111' };
const later = (work: () => void): void => void setTimeout(work, 20);

describe('a user is logged in if the verify callback', () => {
  // biome-ignore lint/complexity/noBannedTypes: any function is what is tested
  it.each<[string, Function]>([
    ['returns the user', ({ profile }: Login) => ({ id: profile.id })],
    ['promises the user', async ({ profile }: Login) => ({ id: profile.id })],
    ['has rest parameters and returns', (...[login]: [Login]) => ({ id: login.profile.id })],
    [
      'has rest parameters and calls the last one',
      (...args: [Login, Done]) => args[1](null, { id: args[0].profile.id }),
    ],
    [
      'has rest parameters and calls the last one later',
      (...args: [Login, Done]) => later(() => args[1](null, me)),
    ],
    ['has a default value', ({ profile }: Login, _log = console) => ({ id: profile.id })],
    [
      'has nothing but a default value',
      (login: Login | undefined = undefined) => ({ id: login?.profile.id }),
    ],
    ['is a mock', jest.fn(() => me)],
    ['is a mock that promises', jest.fn(async () => me)],
    [
      'is bound',
      function (this: object, { profile }: Login) {
        return { ...this, id: profile.id };
      }.bind({}),
    ],
    ['declares done and calls it', ({ profile }: Login, done: Done) => done(null, { id: profile.id })],
    [
      'declares done, calls it later, and returns something else',
      (_login: Login, done: Done) => {
        later(() => done(null, me));
        return { not: 'the user' };
      },
    ],
    [
      'declares done and promises the user anyway',
      async ({ profile }: Login, _done: Done) => ({ id: profile.id }),
    ],
    ['declares done, calls it, and promises nothing', async (_login: Login, done: Done) => done(null, me)],
    [
      'calls done before its promise resolves with something else',
      async (_login: Login, done: Done) => {
        done(null, me);
        return { not: 'the user' };
      },
    ],
    [
      'resolves a moment before it calls done',
      (_login: Login, done: Done) => {
        setImmediate(() => done(null, me));
        return Promise.resolve({ not: 'the user' });
      },
    ],
    [
      'is a classic one that promises the user and never calls done',
      async (_a: string, _r: string, profile: { id: string }, _done: Done) => ({ id: profile.id }),
    ],
    [
      'is a classic one that returns a query',
      (_a: string, _r: string, profile: { id: string }, done: Done) => {
        later(() => done(null, { id: profile.id }));
        return { exec() {} };
      },
    ],
    [
      'declares done and returns a query of a database driver, which has its own then',
      (_a: string, _r: string, profile: { id: string }, done: Done) => {
        later(() => done(null, { id: profile.id }));
        return {
          // biome-ignore lint/suspicious/noThenProperty: mysql2's queries have one that throws
          then() {
            throw new Error('You have tried to call .then()');
          },
        };
      },
    ],
    [
      'declares done, and promises the handle of a driver that calls back a moment later',
      async (_a: string, _r: string, profile: { id: string }, done: Done) => {
        setTimeout(() => done(null, { id: profile.id }), 300);
        return { filename: 'app.sqlite' };
      },
    ],
    [
      'has rest parameters after the first, and calls done later',
      (login: Login, ...rest: [Done]) => later(() => rest[0](null, { id: login.profile.id })),
    ],
    [
      'has a default for done, and calls it later',
      ({ profile }: Login, done: Done = () => {}) => later(() => done(null, { id: profile.id })),
    ],
    [
      'is what NestJS makes',
      async (...params: unknown[]) => {
        const done = params.at(-1) as Done;
        const validate = async ({ profile }: Login) => ({ id: profile.id });
        try {
          done(null, await validate(...(params as [Login])));
        } catch (error) {
          done(error, null);
        }
      },
    ],
  ])('%s', async (_what, verify) => {
    const { body, status } = await logInWith(verify);
    expect([status, body.user]).toEqual([200, me]);
  });
});

describe('nobody is logged in, and the browser gets a response, if the verify callback', () => {
  // biome-ignore lint/complexity/noBannedTypes: any function is what is tested
  it.each<[string, Function, number, string | undefined]>([
    ['returns nothing', ({ profile: _ }: Login) => {}, 500, 'invalid_verify_result'],
    ['promises nothing', async ({ profile: _ }: Login) => {}, 500, 'invalid_verify_result'],
    ['is an empty mock', jest.fn(), 500, 'invalid_verify_result'],
    ['is empty', async () => {}, 500, 'invalid_verify_result'],
    [
      'is a classic one that promises nothing',
      async (_a: string, _r: string, _p: object, _done: Done) => {},
      500,
      'invalid_verify_result',
    ],
    [
      'declares done and only returns the user',
      (_a: string, _r: string, profile: { id: string }, _done: Done) => profile,
      500,
      'invalid_verify_result',
    ],
    [
      'throws',
      () => {
        throw new Error('down');
      },
      500,
      undefined,
    ],
    ['hands an error to done', (...args: [Login, Done]) => args[1](new Error('down')), 500, undefined],
    ['returns null', () => null, 302, undefined],
    ['promises false', async () => false, 302, undefined],
    ['calls done with null', (...args: [Login, Done]) => args[1](null, null), 302, undefined],
  ])('%s', async (_what, verify, status, code) => {
    const answer = await logInWith(verify, { timeoutMs: 2000 });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect((await (app as TestApp).browser().get('/me')).body.user).toBeNull();
  });
});

it.each([3, 6, 7])('the strategy refuses a verify callback with %i declared parameters', (length) => {
  const verify = Object.defineProperty(() => {}, 'length', { value: length });
  expect(() => new PolarStrategy({ clientID: 'x', callbackURL: '/cb' }, verify as never)).toThrow(
    `has ${length} parameters`,
  );
});
