/** Parameters that TypeScript rejects: callers may be JavaScript, and `req.query.code` is a list when it is repeated. */
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  PolarConfigurationError,
  PolarOAuthClient,
  PolarRegistrationClient,
  verifyIdToken,
} from 'passport-polar-sh';
import { CALLBACK, CHALLENGE, VERIFIER } from './support/polar-world';

const fetch = jest.fn<typeof globalThis.fetch>();
const client = new PolarOAuthClient({ clientID: 'polar_ci_1', clientSecret: 'polar_cs_1', fetch });
afterEach(() => {
  fetch.mockReset();
});

const grant = { code: 'polar_ac_1', redirectURI: CALLBACK, codeVerifier: VERIFIER };
const login = { redirectURI: CALLBACK, scope: 'openid', state: 's', nonce: 'n', codeChallenge: CHALLENGE };
const web = { sessionToken: 'polar_us_1' };
const access = { clientID: 'polar_ci_1', registrationAccessToken: 'polar_crt_1' };
const metadata = { clientName: 'My app', redirectURIs: [CALLBACK] };
const jwks = { keys: [] };

type Call = (wrong: never) => unknown;

const required: readonly (readonly [string, Call])[] = [
  ['code', (code) => client.exchangeCode({ ...grant, code })],
  ['redirectURI', (redirectURI) => client.exchangeCode({ ...grant, redirectURI })],
  ['codeVerifier', (codeVerifier) => client.exchangeCode({ ...grant, codeVerifier })],
  ['extra.x', (x) => client.exchangeCode({ ...grant, extra: { x } })],
  ['redirectURI', (redirectURI) => client.authorizationURL({ ...login, redirectURI })],
  ['scope', (scope) => client.authorizationURL({ ...login, scope })],
  ['state', (state) => client.authorizationURL({ ...login, state })],
  ['nonce', (nonce) => client.authorizationURL({ ...login, nonce })],
  ['codeChallenge', (codeChallenge) => client.authorizationURL({ ...login, codeChallenge })],
  ['The token', (refreshToken) => client.refresh({ refreshToken })],
  ['The token', (sessionToken) => client.exchangeWebSession({ sessionToken })],
  ['The token', (token) => client.revoke(token)],
  ['The token', (token) => client.introspect(token)],
  ['The token', (token) => client.userInfo(token)],
  ['The parameters of exchangeCode', (all) => client.exchangeCode(all)],
  ['The parameters of authorizationURL', (all) => client.authorizationURL(all)],
  ['The parameters of refresh', (all) => client.refresh(all)],
  ['The parameters of exchangeWebSession', (all) => client.exchangeWebSession(all)],
  ['The metadata', (all) => client.registrations.register(all)],
  ['The metadata', (all) => client.registrations.updateRegistration(access, all)],
  ['The registration', (all) => client.registrations.updateRegistration(all, metadata)],
  ['The registration', (all) => client.registrations.readRegistration(all)],
  ['The registration', (all) => client.registrations.deleteRegistration(all)],
  ['verifyIdToken', (all) => verifyIdToken('a.b.c', all)],
  ['PolarOAuthClient', (all) => new PolarOAuthClient(all)],
];

const optional: readonly (readonly [string, Call])[] = [
  ['subType', (subType) => client.authorizationURL({ ...login, subType })],
  ['prompt', (prompt) => client.authorizationURL({ ...login, prompt })],
  ['extra.x', (x) => client.authorizationURL({ ...login, extra: { x } })],
  ['scope', (scope) => client.refresh({ refreshToken: 'polar_rt_u_1', scope })],
  ['scope', (scope) => client.exchangeWebSession({ ...web, scope })],
  ['subType', (subType) => client.exchangeWebSession({ ...web, subType })],
  ['sub', (sub) => client.exchangeWebSession({ ...web, sub })],
  ['nonce', (nonce) => verifyIdToken('a.b.c', { clientID: 'polar_ci_1', jwks, nonce })],
  ['accessToken', (accessToken) => verifyIdToken('a.b.c', { clientID: 'polar_ci_1', jwks, accessToken })],
  ['The options of a call', (options) => client.userInfo('polar_at_u_1', options)],
  ['PolarRegistrationClient', (options) => new PolarRegistrationClient(options)],
];

async function expectRefusal(name: string, call: Call, wrong: unknown): Promise<void> {
  const error = await new Promise((resolve) => resolve(call(wrong as never))).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PolarConfigurationError);
  expect(error).toMatchObject({
    code: 'invalid_option',
    message: expect.stringMatching(new RegExp(`^${name} `)),
  });
  expect(fetch).not.toHaveBeenCalled();
}

describe('a parameter of the wrong type', () => {
  it.each(required)('is the error invalid_option, and nothing is sent: %s', async (name, call) => {
    for (const wrong of [undefined, null, 7]) await expectRefusal(name, call, wrong);
  });

  it.each(optional)('may be left out, but is otherwise the error invalid_option: %s', async (name, call) => {
    for (const wrong of [null, 7]) await expectRefusal(name, call, wrong);
  });

  it('is named, even if it is the list to which Express turns a repeated parameter', async () => {
    await expect(
      client.exchangeCode({ ...grant, code: ['polar_ac_1', 'polar_ac_2'] as never }),
    ).rejects.toThrow('code must be a string, not a list');
  });

  it('is the error invalid_option for a signal or a clock', async () => {
    for (const signal of ['', {}, 7])
      await expectRefusal('signal', (wrong) => client.userInfo('polar_at_u_1', { signal: wrong }), signal);
    for (const now of ['', {}, 7])
      await expectRefusal('now', (wrong) => verifyIdToken('a.b.c', { clientID: 'c', jwks, now: wrong }), now);
  });
});
