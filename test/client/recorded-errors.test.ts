/** Every refusal that was recorded from Polar's own server, through the public method that can meet it. */
import { describe, expect, it } from '@jest/globals';
import {
  PolarAuthorizationError,
  PolarConfigurationError,
  PolarInsufficientScopeError,
  PolarOAuthError,
} from 'passport-polar-sh';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { CALLBACK, CHALLENGE, failureOf, PolarWorld, SCOPE, VERIFIER } from './support/polar-world.js';
import { errorCases, recorded, saidIn } from './support/recorded-cases.js';

const world = new PolarWorld();

interface Row {
  readonly name: string;
  readonly method: string;
  readonly code: string;
  readonly run: () => Promise<unknown>;
}

const row = (name: string, method: string, code: string, run: () => Promise<unknown>): Row => ({
  name,
  method,
  code,
  run,
});

const UNSECURE = { clientName: 'Example app', redirectURIs: ['http://example.com/cb'], scope: SCOPE };

/** Cases in which a public method sends the recorded request, or gets the same response to its own. */
const refusals: readonly Row[] = [
  row('token.authorization_code.reused_code', 'exchangeCode', 'invalid_grant', async () => {
    const grant = await world.grant();
    await world.as(world.own).exchangeCode(grant);
    return world.as(world.own).exchangeCode(grant);
  }),
  row('token.authorization_code.bad_code', 'exchangeCode', 'invalid_grant', () =>
    world.as(world.own).exchangeCode({ code: 'nope', redirectURI: CALLBACK, codeVerifier: VERIFIER }),
  ),
  row('token.authorization_code.bad_redirect_uri', 'exchangeCode', 'invalid_grant', async () =>
    world.as(world.own).exchangeCode({ ...(await world.grant()), redirectURI: `${CALLBACK}x` }),
  ),
  row('token.authorization_code.bad_verifier', 'exchangeCode', 'invalid_grant', async () =>
    world.as(world.own).exchangeCode({ ...(await world.grant()), codeVerifier: `${VERIFIER}-another` }),
  ),
  row('token.authorization_code.wrong_client', 'exchangeCode', 'invalid_grant', async () =>
    world.as(world.other).exchangeCode(await world.grant(world.own)),
  ),
  row('token.authorization_code.expired_code', 'exchangeCode', 'invalid_grant', async () => {
    const grant = await world.grant();
    world.emulator.advanceTime(302);
    return world.as(world.own).exchangeCode(grant);
  }),
  row('token.client.bad_secret_post', 'exchangeCode', 'invalid_client', async () =>
    world.withWrongSecret(world.own).exchangeCode(await world.grant()),
  ),
  row('token.client.bad_secret_post', 'refresh', 'invalid_client', () =>
    world.withWrongSecret(world.own).refresh(world.tokens()),
  ),
  row('token.client.bad_secret_basic', 'exchangeCode', 'invalid_client', async () =>
    world.withWrongSecret(world.basic).exchangeCode(await world.grant(world.basic)),
  ),
  row('token.client.bad_secret_basic', 'refresh', 'invalid_client', () =>
    world.withWrongSecret(world.basic).refresh(world.tokens(world.basic)),
  ),
  row('token.client.no_secret_confidential', 'exchangeCode', 'invalid_client', async () =>
    world
      .as(world.own, { clientSecret: undefined, tokenEndpointAuthMethod: undefined })
      .exchangeCode(await world.grant()),
  ),
  row('token.client.no_secret_confidential', 'refresh', 'invalid_client', () =>
    world
      .as(world.own, { clientSecret: undefined, tokenEndpointAuthMethod: undefined })
      .refresh(world.tokens()),
  ),
  row('token.authorization_code.post_for_basic_client', 'exchangeCode', 'invalid_client', async () =>
    world
      .as(world.basic, { tokenEndpointAuthMethod: 'client_secret_post' })
      .exchangeCode(await world.grant(world.basic)),
  ),
  row('token.authorization_code.post_for_basic_client', 'refresh', 'invalid_client', () =>
    world
      .as(world.basic, { tokenEndpointAuthMethod: 'client_secret_post' })
      .refresh(world.tokens(world.basic)),
  ),
  row('token.public.no_pkce', 'exchangeCode', 'invalid_request', async () =>
    world.as(world.open).exchangeCode({ ...(await world.grant(world.open)), codeVerifier: '' }),
  ),
  row('token.refresh.wrong_client', 'refresh', 'invalid_grant', () =>
    world.as(world.other).refresh(world.tokens(world.own)),
  ),
  row('token.refresh.rotated_refresh_reused', 'refresh', 'invalid_grant', async () => {
    const tokens = world.tokens();
    await world.as(world.own).refresh(tokens);
    return world.as(world.own).refresh(tokens);
  }),
  row('token.refresh.after_access_revoked', 'refresh', 'invalid_grant', async () => {
    const tokens = world.tokens();
    await world.as(world.own).revoke(tokens.accessToken);
    return world.as(world.own).refresh(tokens);
  }),
  row('token.web.bad_session', 'exchangeWebSession', 'invalid_grant', () => {
    world.session();
    return world.as(world.own).exchangeWebSession({ sessionToken: 'polar_us_bad' });
  }),
  row('token.web.org_without_sub', 'exchangeWebSession', 'invalid_request', () =>
    world.as(world.own).exchangeWebSession({ sessionToken: world.session(), subType: 'organization' }),
  ),
  row('token.web.unauthorized_client', 'exchangeWebSession', 'unauthorized_client', () =>
    world.as(world.other).exchangeWebSession({ sessionToken: world.session(world.own) }),
  ),
  row('revoke.bad_client', 'revoke', 'invalid_client', () =>
    world.withWrongSecret(world.own).revoke(world.tokens().accessToken),
  ),
  row('introspect.bad_client', 'introspect', 'invalid_client', () =>
    world.withWrongSecret(world.own).introspect(world.tokens().accessToken),
  ),
  // Recorded at introspect: the web grant is also for clients with a secret only, and has the same error.
  row('introspect.bad_client', 'exchangeWebSession', 'invalid_client', () =>
    world.withWrongSecret(world.own).exchangeWebSession({ sessionToken: world.session() }),
  ),
  row('userinfo.bad_token', 'userInfo', 'invalid_token', () =>
    world.as(world.own).userInfo('polar_at_u_bad'),
  ),
  row('userinfo.not_polar_token', 'userInfo', 'invalid_token', () =>
    world.as(world.own).userInfo('bad-token'),
  ),
  row('userinfo.expired', 'userInfo', 'invalid_token', () =>
    world.as(world.own).userInfo(world.tokens(world.own, { expired: true }).accessToken),
  ),
  row('userinfo.old_access_after_refresh', 'userInfo', 'invalid_token', async () => {
    const tokens = world.tokens();
    await world.as(world.own).refresh(tokens);
    return world.as(world.own).userInfo(tokens.accessToken);
  }),
  row('userinfo.after_access_revoked', 'userInfo', 'invalid_token', async () => {
    const { accessToken } = world.tokens();
    await world.as(world.own).revoke(accessToken);
    return world.as(world.own).userInfo(accessToken);
  }),
  row('register.http_non_localhost_redirect', 'register', 'invalid_request', () =>
    world.registrations.register(UNSECURE),
  ),
  row('register.http_non_localhost_redirect', 'client.register', 'invalid_request', () =>
    world.as(world.own).registrations.register(UNSECURE),
  ),
  row('register.http_non_localhost_redirect', 'updateRegistration', 'invalid_request', () =>
    world.registrations.updateRegistration(world.own, UNSECURE),
  ),
];

/** Requests that no public method sends: the test turns its request into the recorded one. */
const bentRequests: readonly Row[] = [
  row('token.authorization_code.missing_code', 'exchangeCode', 'invalid_request', async () =>
    world.bending(world.own, ({ form }) => form.delete('code')).exchangeCode(await world.grant()),
  ),
  row('token.unsupported_grant', 'exchangeCode', 'unsupported_grant_type', async () =>
    world
      .bending(world.own, ({ form }) => form.set('grant_type', 'password'))
      .exchangeCode(await world.grant()),
  ),
  row('token.get_method', 'exchangeCode', 'oauth_error', async () =>
    world
      .bending(world.own, (request) => {
        request.method = 'GET';
      })
      .exchangeCode(await world.grant()),
  ),
  row('token.refresh.missing_token', 'refresh', 'invalid_request', () =>
    world.bending(world.own, ({ form }) => form.delete('refresh_token')).refresh(world.tokens()),
  ),
  row('token.web.missing_session', 'exchangeWebSession', 'invalid_request', () =>
    world
      .bending(world.own, ({ form }) => form.delete('session_token'))
      .exchangeWebSession({ sessionToken: world.session() }),
  ),
  row('revoke.missing_token', 'revoke', 'invalid_request', () =>
    world.bending(world.own, ({ form }) => form.delete('token')).revoke(world.tokens().accessToken),
  ),
  row('introspect.missing_token', 'introspect', 'invalid_request', () =>
    world.bending(world.own, ({ form }) => form.delete('token')).introspect(world.tokens().accessToken),
  ),
  row('revoke.public', 'revoke', 'invalid_client', () =>
    world.bending(world.own, ({ form }) => form.delete('client_secret')).revoke(world.tokens().refreshToken),
  ),
  row('introspect.public', 'introspect', 'invalid_client', () =>
    world
      .bending(world.own, ({ form }) => form.delete('client_secret'))
      .introspect(world.tokens().accessToken),
  ),
  row('userinfo.no_token', 'userInfo', 'oauth_error', () =>
    world
      .bending(world.own, ({ headers }) => headers.delete('authorization'))
      .userInfo(world.tokens().accessToken),
  ),
];

async function expectRefusal({ name, code, run }: Row): Promise<PolarOAuthError> {
  const error = await failureOf(run());
  expect(error).toBeInstanceOf(PolarOAuthError);
  const { errorDescription, ...said } = saidIn(recorded(name));
  expect(error).toMatchObject({ code, ...said, status: code === 'invalid_client' ? 500 : 502 });
  expect((error as PolarOAuthError).errorDescription).toBe(errorDescription);
  expect(world.emulator.requests.at(-1)?.status).toBe(said.httpStatus);
  world.expectNoSecretIn(error);
  return error as PolarOAuthError;
}

describe('a refusal by Polar', () => {
  it.each(refusals.map((one) => [one.name, one.method, one] as const))(
    'becomes an error: %s with %s',
    async (_n, _m, one) => {
      await expectRefusal(one);
    },
  );
});

describe('a request that no public method sends', () => {
  it.each(bentRequests.map((one) => [one.name, one.method, one] as const))(
    'would be refused by Polar: %s instead of %s',
    async (_n, _m, one) => {
      await expectRefusal(one);
    },
  );

  it.each([
    ['refresh', () => world.as(world.own).refresh({ refreshToken: '' })],
    ['exchangeWebSession', () => world.as(world.own).exchangeWebSession({ sessionToken: '' })],
    ['revoke', () => world.as(world.own).revoke('')],
    ['introspect', () => world.as(world.own).introspect('')],
    ['userInfo', () => world.as(world.own).userInfo('')],
    ['revoke, public', () => world.as(world.open).revoke(world.tokens(world.open).refreshToken)],
    ['introspect, public', () => world.as(world.open).introspect(world.tokens(world.open).accessToken)],
    ['web grant, public', () => world.as(world.open).exchangeWebSession({ sessionToken: world.session() })],
  ])('is refused by the method itself: %s', async (name, run) => {
    const error = await failureOf(run());
    expect(error).toBeInstanceOf(PolarConfigurationError);
    expect(error).toMatchObject({
      code: 'invalid_option',
      message: expect.stringContaining(
        name.includes('public') ? 'only to clients with a clientSecret' : 'token',
      ),
    });
    expect(world.emulator.requests).toEqual([]);
  });
});

const PARAMETERS = {
  redirectURI: CALLBACK,
  scope: ['openid', 'email'],
  state: 'st-1',
  nonce: 'nonce-1',
  codeChallenge: CHALLENGE,
};

/** Pages that Polar shows to the user, of which the app never learns. */
const pages: Readonly<Record<string, () => Promise<string>>> = {
  'authorize.error.unknown_client': () =>
    world.as({ ...world.own, clientID: 'nope' }).authorizationURL(PARAMETERS),
  'authorize.error.bad_redirect': () =>
    world.as(world.own).authorizationURL({ ...PARAMETERS, redirectURI: 'http://localhost:1/evil' }),
  'authorize.error.sub_type': () =>
    world.as(world.own).authorizationURL({ ...PARAMETERS, subType: 'zzz' as 'user' }),
  'authorize.prompt_login': () => world.as(world.own).authorizationURL({ ...PARAMETERS, prompt: 'login' }),
  // The test removes the prompt that authorizationURL has added.
  'authorize.organization.already_granted_no_prompt': async () => {
    await world.code(world.own, { subType: 'organization' });
    const url = new URL(
      await world.as(world.own).authorizationURL({ ...PARAMETERS, subType: 'organization' }),
    );
    url.searchParams.delete('prompt');
    return url.href;
  },
};

describe('the authorize page', () => {
  it.each(Object.keys(pages))('shows a page instead of redirecting: %s', async (name) => {
    const answer = await fetch((await pages[name]?.()) ?? '', { redirect: 'manual' });
    const { status, body } = recorded(name).response;
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject(body as object);
  });

  it('is no dead end for a user who has consented before and now picks an organization', async () => {
    await world.code(world.own);
    expect(await world.code(world.own, { subType: 'organization' })).toMatch(/^polar_ac_/);
  });
});

/** Errors with which the browser comes back. */
const loginErrors: Readonly<Record<string, (app: TestApp) => Promise<void>>> = {
  'authorize.error.invalid_scope': (app) => expectFault(app, 'invalid_scope', ['scope', 'openid nope']),
  'authorize.error.response_type': (app) =>
    expectFault(app, 'unsupported_response_type', ['response_type', 'token']),
  'authorize.deny': async (app) => {
    app.emulator.consent = 'deny';
    const browser = app.browser();
    const answer = await browser.logIn();
    expect(answer.headers['location']).toBe('/failed');
    expect((await browser.get('/failed')).body.messages.at(-1)).toMatch(/cancelled/i);
    expect(app.errors).toEqual([]);
  },
};

async function expectFault(app: TestApp, error: string, [name, value]: [string, string]): Promise<void> {
  const browser = app.browser();
  const url = await browser.startLogin();
  url.searchParams.set(name, value);
  const answer = await browser.get(await browser.visitPolar(url));
  expect(answer.status).toBe(500);
  const [fault] = app.errors;
  expect(fault).toBeInstanceOf(PolarAuthorizationError);
  const location = recorded(`authorize.error.${error.replace('unsupported_', '')}`).response.headers[
    'location'
  ];
  const errorDescription = new URL(location ?? '').searchParams.get('error_description');
  expect(fault).toMatchObject({ code: 'authorization_failed', error, errorDescription });
}

/** Errors of the API for a token with too few scopes. */
const apiErrors: Readonly<Record<string, (app: TestApp) => Promise<void>>> = {
  'organizations.list': async (app) => {
    const browser = app.browser();
    await browser.logIn();
    const answer = await browser.get('/organizations');
    expect(answer.status).toBe(recorded('organizations.list').response.status);
    const [error] = app.errors;
    expect(error).toBeInstanceOf(PolarInsufficientScopeError);
    expect(error).toMatchObject({
      code: 'insufficient_scope',
      status: 403,
      scopes: ['organizations:write', 'organizations:read'],
    });
  },
};

describe('an app', () => {
  it.each(Object.entries({ ...loginErrors, ...apiErrors }))(
    'learns of the error from a login or from the API: %s',
    async (_name, check) => {
      const app = await startTestApp({
        routes: (express) =>
          express.get('/organizations', async (req, res) => {
            res.json(await (await req.polar.fetch('/v1/organizations/')).json());
          }),
      });
      try {
        await check(app);
      } finally {
        await app.close();
      }
    },
  );
});

it('every recorded error has a test', () => {
  const covered = new Set([
    ...[...refusals, ...bentRequests].map(({ name }) => name),
    ...Object.keys({ ...pages, ...loginErrors, ...apiErrors }),
  ]);
  expect(errorCases.length).toBeGreaterThan(40);
  expect(errorCases.map(({ name }) => name).filter((name) => !covered.has(name))).toEqual([]);
});
