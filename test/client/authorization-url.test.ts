import { describe, expect, it } from '@jest/globals';
import {
  type AuthorizationParameters,
  buildAuthorizationURL,
  isReservedParameter,
} from '../../src/client/authorization-url.js';

const parameters: AuthorizationParameters = {
  redirectURI: 'https://app.example/callback?a=b&c=d',
  scope: ['openid', 'email', 'organizations:read'],
  state: 'state-1',
  nonce: 'nonce-1',
  codeChallenge: 'challenge-1',
};

const always = {
  response_type: 'code',
  client_id: 'polar_ci_1',
  redirect_uri: 'https://app.example/callback?a=b&c=d',
  scope: 'openid email organizations:read',
  state: 'state-1',
  nonce: 'nonce-1',
  code_challenge: 'challenge-1',
  code_challenge_method: 'S256',
  sub_type: 'user',
};

function build(more: Partial<AuthorizationParameters> = {}, endpoint = 'https://polar.sh/oauth2/authorize') {
  const url = new URL(buildAuthorizationURL(endpoint, 'polar_ci_1', { ...parameters, ...more }));
  const names = [...url.searchParams.keys()];
  expect(new Set(names).size).toBe(names.length); // Polar responds to a duplicate with 400
  return { url, query: Object.fromEntries(url.searchParams) };
}

describe('the authorization URL', () => {
  it('has all parameters that protect a login, and nothing else', () => {
    const { url, query } = build();
    expect(url.origin + url.pathname).toBe('https://polar.sh/oauth2/authorize');
    expect(query).toEqual(always);
  });

  it('keeps the query of the endpoint except for parameters that would replace ours', () => {
    const { query } = build({}, 'https://id.example/authorize?tenant=7&state=forged&nonce=forged');
    expect(query).toEqual({ ...always, tenant: '7' });
  });

  it('requests consent for sub_type=organization, since Polar dead-ends without it', () => {
    expect(build({ subType: 'organization' }).query).toEqual({
      ...always,
      sub_type: 'organization',
      prompt: 'consent',
    });
    expect(build({ subType: 'user' }).query).toEqual(always);
  });

  it.each(['none', 'login', 'consent'] as const)(
    'has prompt=%s if requested, with any sub_type',
    (prompt) => {
      expect(build({ prompt }).query).toEqual({ ...always, prompt });
      expect(build({ prompt, subType: 'organization' }).query).toMatchObject({
        prompt,
        sub_type: 'organization',
      });
    },
  );

  it('accepts extra parameters', () => {
    expect(build({ extra: { organizations: 'a b', ui_locales: 'de&x=y' } }).query).toEqual({
      ...always,
      organizations: 'a b',
      ui_locales: 'de&x=y',
    });
  });

  const reserved = [
    'state',
    'nonce',
    'redirect_uri',
    'client_id',
    'client_secret',
    'response_type',
    'response_mode',
    'code_challenge',
    'code_challenge_method',
    'scope',
    'sub_type',
    'prompt',
    // RFC 9101: a request object replaces all other parameters.
    'request',
    'request_uri',
  ];

  it.each(reserved)('refuses the extra parameter %s, but ignores it if it is undefined', (name) => {
    expect(isReservedParameter(name)).toBe(true);
    expect(() => build({ extra: { [name]: 'forged', more: '1' } })).toThrow(
      expect.objectContaining({
        code: 'invalid_option',
        message: expect.stringContaining(`The parameter '${name}' cannot be set here`),
      }),
    );
    expect(build({ extra: { [name]: undefined, more: '1' } }).query).toEqual({ ...always, more: '1' });
  });

  it.each(['organizations', 'ui_locales', 'toString', ''])('does not reserve the parameter %p', (name) => {
    expect(isReservedParameter(name)).toBe(false);
  });
});
