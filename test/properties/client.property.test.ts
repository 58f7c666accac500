/** Responses of Polar's endpoints: the client returns values that it has checked, or throws an error of ours. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PolarError, PolarOAuthClient, type PolarTransientError } from 'passport-polar-sh';
import { type Answer, answers, anyText, changed, junk, responseOf, retryAfter } from './support/hostile.js';
import { holds, outcomeOf, ownError } from './support/property.js';

// What is sent matches no pattern of Polar's tokens; what is received does.
const sent = 'token-sent/Wq3+8=';
const clientSecret = 'client secret-Mn44/+=&ü';
const basic = Buffer.from(`c:${new URLSearchParams([['', clientSecret]]).toString().slice(1)}`).toString(
  'base64',
);
const came = {
  access_token: 'polar_at_u_cameEe61',
  refresh_token: 'polar_rt_u_cameTt90',
  registration_access_token: 'polar_crt_cameAa27',
  client_secret: 'polar_cs_cameSs48',
};
const idToken = 'id.token-came.Oo33';
const secrets = [sent, clientSecret, basic, ...Object.values(came), idToken];

const tokens = { token_type: 'Bearer', expires_in: 3600, scope: 'openid email', ...came, id_token: idToken };
const introspection = {
  active: true,
  client_id: 'c',
  scope: 'openid',
  sub: 'user',
  organizations: ['o'],
  exp: 1,
};
const userInfo = { sub: 'user', email: 'ada@example.com', email_verified: true, name: 'Ada' };
const registration = {
  client_id: 'c2',
  client_secret: came.client_secret,
  redirect_uris: ['https://app.example/cb'],
  scope: 'openid',
  client_id_issued_at: 1,
  registration_access_token: came.registration_access_token,
};
const issuer = 'https://provider.example';
const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  userinfo_endpoint: `${issuer}/userinfo`,
  revocation_endpoint: `${issuer}/revoke`,
  introspection_endpoint: `${issuer}/introspect`,
  registration_endpoint: `${issuer}/register`,
};

/** Junk that contains secrets, since servers echo what they were sent. */
const echoOf = (echoed: readonly string[]): fc.Arbitrary<unknown> => {
  const secret = fc.constantFrom(...echoed, ...Object.values(came));
  return fc.oneof(
    junk,
    secret,
    fc.tuple(anyText, secret, anyText).map((parts) => parts.join(' ')),
  );
};
/** A document, an OAuth error, or something similar. */
function documents(
  good: unknown,
  echoed: readonly string[] = [sent, clientSecret, basic],
): fc.Arbitrary<unknown> {
  const said = echoed.join(' and ');
  const error = {
    error: 'invalid_grant',
    error_description: said,
    detail: [{ loc: ['body', 'x'], msg: said }],
  };
  const echo = echoOf(echoed);
  const complaint = fc.record({ loc: fc.array(echo, { maxLength: 3 }), msg: echo }, { requiredKeys: [] });
  const complaints = fc.record({ detail: fc.array(complaint, { maxLength: 2 }) });
  return fc.oneof(changed(good, echo), changed(error, echo), complaints, echo);
}

function clientOf(answer: Answer): PolarOAuthClient {
  return new PolarOAuthClient({
    clientID: 'c',
    clientSecret,
    tokenEndpointAuthMethod: 'client_secret_basic',
    fetch: async () => responseOf(answer),
  });
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isTextOrAbsent = (value: unknown): boolean => value === undefined || typeof value === 'string';
const isNumberOrAbsent = (value: unknown): boolean => value === undefined || Number.isFinite(value);
const isToken = (value: unknown): boolean => typeof value === 'string' && /^[!-~]+$/.test(value);
const isPrintable = (value: unknown): boolean => typeof value === 'string' && /^[ -~]+$/.test(value);
function expectAll(checks: Record<string, boolean>): void {
  for (const [what, holds] of Object.entries(checks)) if (!holds) throw new Error(`Not so: ${what}`);
}
/** What a success requires at any endpoint. */
function expectGoodAnswer({ status, headers }: Answer): void {
  expectAll({
    'the status is 2xx': status >= 200 && status < 300,
    'it says that it is JSON': /[/+]json\b/i.test(headers['content-type'] ?? ''),
  });
}

describe('the client checks every response or throws an error without secrets', () => {
  const grants = [
    (client: PolarOAuthClient) =>
      client.exchangeCode({ code: sent, codeVerifier: sent, redirectURI: 'https://app.example/cb' }),
    (client: PolarOAuthClient) => client.refresh({ refreshToken: sent }),
    (client: PolarOAuthClient) => client.exchangeWebSession({ sessionToken: sent }),
  ];
  holds(
    'for token responses and OAuth errors',
    fc.tuple(answers(documents(tokens)), fc.constantFrom(...grants)),
    async ([answer, grant]) => {
      const outcome = await outcomeOf(() => grant(clientOf(answer)), secrets);
      if ('error' in outcome) return;
      const { accessToken, refreshToken, idToken, scopes, tokenType, expiresAt } = outcome.result;
      expectGoodAnswer(answer);
      expectAll({
        'the access token can stand in a header': isToken(accessToken),
        'the refresh token is printable': refreshToken === undefined || isPrintable(refreshToken),
        'texts are texts': [idToken, ...(scopes ?? [])].every(isTextOrAbsent),
        'it is a bearer token': tokenType === 'Bearer',
        'it lives for 0 seconds or more': expiresAt === undefined || expiresAt > 0,
        'what is logged of it has nothing that nobody checked': !JSON.stringify(outcome.result).includes(
          'raw',
        ),
      });
    },
  );

  holds('introspection', answers(documents(introspection)), async (answer) => {
    const outcome = await outcomeOf(() => clientOf(answer).introspect(sent), secrets);
    if ('error' in outcome) return;
    const { active, clientID, subject, scopes, organizations, expiresAt } = outcome.result;
    expectGoodAnswer(answer);
    const areTexts = (list: readonly unknown[] = []): boolean =>
      list.every((each) => typeof each === 'string');
    expectAll({
      'active is true or false': typeof active === 'boolean',
      'texts are texts': [clientID, subject].every(isTextOrAbsent),
      'lists are of texts': areTexts(scopes) && areTexts(organizations),
      'the end is a time': isNumberOrAbsent(expiresAt),
    });
  });

  holds('userinfo', answers(documents(userInfo, [sent])), async (answer) => {
    const outcome = await outcomeOf(() => clientOf(answer).userInfo(sent), secrets);
    if ('error' in outcome) return;
    const { subject, email, emailVerified } = outcome.result;
    expectGoodAnswer(answer);
    expectAll({
      'it names somebody': isText(subject),
      'the address is text': isTextOrAbsent(email),
      'verified is true or false': emailVerified === undefined || typeof emailVerified === 'boolean',
    });
  });

  const access = { clientID: 'c2', registrationAccessToken: sent };
  const asked = { redirectURIs: ['https://app.example/cb'], clientName: 'App' };
  const operations = [
    (client: PolarOAuthClient) => client.registrations.readRegistration(access),
    (client: PolarOAuthClient) => client.registrations.updateRegistration(access, asked),
  ];
  holds(
    'for registrations',
    fc.tuple(answers(documents(registration, [sent])), fc.constantFrom(...operations)),
    async ([answer, operation]) => {
      const outcome = await outcomeOf(() => operation(clientOf(answer)), secrets);
      if ('error' in outcome) return;
      const { clientID, redirectURIs, registrationAccessToken } = outcome.result;
      expectGoodAnswer(answer);
      expectAll({
        'it names the client': isText(clientID),
        'redirect URIs are a list of texts': redirectURIs.every((each) => typeof each === 'string'),
        'its token can stand in a header':
          registrationAccessToken === undefined || isToken(registrationAccessToken),
      });
    },
  );

  const ends = [
    (client: PolarOAuthClient) => client.revoke(sent),
    (client: PolarOAuthClient) => client.registrations.deleteRegistration(access),
  ];
  holds(
    'for responses of which only the status matters',
    fc.tuple(answers(documents({}, [sent])), fc.constantFrom(...ends)),
    async ([answer, end]) => {
      const outcome = await outcomeOf(() => end(clientOf(answer)), secrets);
      expectAll({ 'done means 2xx': 'error' in outcome || (answer.status >= 200 && answer.status < 300) });
    },
  );

  const urls = fc.oneof(
    fc.webUrl({ validSchemes: ['http', 'https', 'ftp', 'javascript'] }),
    fc.constantFrom(
      'http://localhost:1/token',
      'http://127.0.0.1.evil.example/',
      'http://localhost.evil.example/',
      'https://user:pass@provider.example/token',
      'file:///etc/passwd',
      'http://[::1]/token',
      'http://169.254.169.254/latest',
      '//provider.example/token',
    ),
  );
  holds('discovery documents', answers(changed(metadata, fc.oneof(urls, echoOf([sent])))), async (answer) => {
    const client = new PolarOAuthClient({
      clientID: 'c',
      server: { discoveryURL: `${issuer}/.well-known/openid-configuration` },
      fetch: async () => responseOf(answer),
    });
    const outcome = await outcomeOf(() => client.discover(), secrets);
    if ('error' in outcome) return;
    const { raw: _asItCame, issuer: named, ...endpoints } = outcome.result;
    expectGoodAnswer(answer);
    const isSafe = (endpoint: unknown): boolean => {
      if (endpoint === undefined) return true;
      const { protocol, hostname, username } = new URL(String(endpoint));
      const isLocal = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
      return username === '' && (protocol === 'https:' || (protocol === 'http:' && isLocal));
    };
    expectAll({
      'the issuer is the one that was asked': named === issuer || named === `${issuer}/`,
      'secrets go to https alone': Object.values(endpoints).every(isSafe),
      'what is needed is there': isText(endpoints.tokenEndpoint) && isText(endpoints.jwksURI),
    });
  });

  holds('Retry-After', fc.tuple(fc.constantFrom(429, 500, 503), retryAfter), async ([status, after]) => {
    const answer = { status, headers: { 'retry-after': after }, body: '' };
    const outcome = await outcomeOf(() => clientOf(answer).refresh({ refreshToken: sent }), secrets);
    if (!('error' in outcome)) throw new Error('This is no success');
    const { code, retryAfterSeconds } = outcome.error as PolarTransientError;
    expectAll({
      'the code is that of the status': code === (status === 429 ? 'rate_limited' : 'server_error'),
      'seconds are whole, and 0 or more':
        retryAfterSeconds === undefined ||
        (Number.isSafeInteger(retryAfterSeconds) && retryAfterSeconds >= 0),
    });
  });
});

it('the properties of the client can fail: a valid response is accepted, and a quoted secret is found', async () => {
  const good = { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(tokens) };
  expect((await clientOf(good).refresh({ refreshToken: sent })).accessToken).toBe(came.access_token);
  expect(() => ownError(new TypeError('x'), secrets)).toThrow('no PolarError');
  const cause = { hidden: [`a ${clientSecret}`] };
  expect(() => ownError(new PolarError('oauth_error', 'x', { cause }), secrets)).toThrow('shows the secret');
});
