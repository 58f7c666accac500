import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { cleanText, oauthError } from '../../src/client/oauth-error.js';
import { PolarOAuthError } from '../../src/errors.js';

const answer = (body: unknown, status = 400) => ({ status, headers: new Headers(), body });

describe('an OAuth error', () => {
  it.each([
    ['invalid_request', 400, 502, /parameter is missing/],
    [
      'invalid_client',
      401,
      500,
      /^clientID or clientSecret is wrong, or the client is registered at another server/,
    ],
    ['invalid_grant', 400, 502, /expired, used, revoked/],
    ['invalid_scope', 400, 502, /Request only scopes/],
    ['invalid_token', 401, 502, /access token is expired/],
    ['unauthorized_client', 400, 502, /not registered for this kind of request/],
    ['unsupported_grant_type', 400, 502, /does not support this grant type/],
  ])('keeps the code %s, and says what to do', (error, httpStatus, status, advice) => {
    const made = oauthError(answer({ error, error_description: 'as it said' }, httpStatus), 'refresh', []);
    expect(made).toBeInstanceOf(PolarOAuthError);
    expect(made).toMatchObject({ code: error, error, errorDescription: 'as it said', httpStatus, status });
    expect(made.message).toMatch(advice);
    expect(made.message).toContain(`Polar refused the refresh (${error}: as it said).`);
  });

  it('about a wrong client begins with what to do, since the words of Polar blame the authentication method', () => {
    const error_description = "The client cannot authenticate with methods: ['client_secret_basic']";
    const refused = (isPublic: boolean) =>
      oauthError(answer({ error: 'invalid_client', error_description }, 401), 'refresh', [], isPublic)
        .message;
    const said = `Polar refused the refresh (invalid_client: ${error_description}).`;
    const advice =
      'clientID or clientSecret is wrong, or the client is registered at another server (sandbox clients do not exist in production) or for another tokenEndpointAuthMethod.';
    expect(refused(false)).toBe(
      `${advice} For a public client (token_endpoint_auth_method none), omit clientSecret. ${said}`,
    );
    expect(refused(true)).toBe(`${advice} No clientSecret was given: does this client have one? ${said}`);
  });

  it('has no description if the response has none', () => {
    const made = oauthError(answer({ error: 'invalid_grant' }), 'refresh', []);
    expect(made.errorDescription).toBeUndefined();
    expect(made.message).toContain('(invalid_grant).');
  });

  it.each([
    ['slow_down'],
    ['temporarily_unavailable'],
    ['toString'],
    ['__proto__'],
    ['hasOwnProperty'],
    ['oauth_error'],
  ])('with an unknown code is an oauth_error that names it: %s', (error) => {
    expect(oauthError(answer({ error }), 'refresh', [])).toMatchObject({
      code: 'oauth_error',
      error,
      status: 502,
    });
  });

  it.each([
    [undefined],
    [null],
    ['invalid_grant'],
    [['invalid_grant']],
    [{}],
    [{ error: '' }],
    [{ error: null }],
    [{ error: ['invalid_grant'] }],
    [{ error: { toString: 'invalid_grant' } }],
    [{ detail: 'Not Found' }],
  ])('from a response that is not an OAuth error is an oauth_error with the status: %j', (body) => {
    const made = oauthError(answer(body, 404), 'revocation', []);
    expect(made).toMatchObject({ code: 'oauth_error', error: 'unknown', httpStatus: 404 });
    expect(made.message).toContain('(status 404)');
    expect(made.message).toContain('Check the server option');
  });

  it('for an unknown client without a secret mentions that', () => {
    const lacking = /No clientSecret was given/;
    const refused = answer({ error: 'invalid_client' }, 401);
    expect(oauthError(refused, 'refresh', [], true).message).toMatch(lacking);
    expect(oauthError(refused, 'refresh', [], false).message).not.toMatch(lacking);
    expect(oauthError(answer({ error: 'invalid_grant' }), 'refresh', [], true).message).not.toMatch(lacking);
  });

  it('never shows what was sent, wherever it is echoed', () => {
    const secrets = ['sEcret/+=', 'the-code', undefined, 'välue', ''];
    const echo = 'got sEcret/+= and the-code and välue and sEcret/+= again';
    const made = oauthError(
      answer({ error: `bad the-code`, error_description: echo, error_uri: 'the-code' }),
      'exchange',
      secrets,
    );
    const shown = inspect(made, { showHidden: true, depth: 9 }) + JSON.stringify(made);
    for (const secret of ['sEcret/+=', 'the-code', 'välue']) expect(shown).not.toContain(secret);
    expect(made.error).toBe('bad [redacted]');
    expect(made.errorDescription).toBe('got [redacted] and [redacted] and [redacted] and [redacted] again');
  });
});

describe('text from a response', () => {
  it.each([
    ['plain words, 100%!', 'plain words, 100%!'],
    ['', ''],
    ['two\r\nlines', 'two lines'],
    ['tab\there', 'tab here'],
    ['\u001b[31mred\u001b[0m', ' [31mred [0m'],
    ['nul\u0000l', 'nul l'],
    ['ünïcode\u2028', ' n code '],
    ['\u202eright to left', ' right to left'],
  ])('is cleaned from %j to %j', (text, clean) => {
    expect(cleanText(text)).toBe(clean);
  });

  it.each([[undefined], [null], [7], [{}], [['a']]])('is undefined if it is %p', (value) => {
    expect(cleanText(value)).toBeUndefined();
  });

  it('is cut to 200 characters after secrets are removed', () => {
    expect(cleanText('a'.repeat(1000))).toHaveLength(200);
    const secret = 'x'.repeat(50);
    expect(cleanText(`${'a'.repeat(180)}${secret}`, [secret])).not.toContain('x');
  });

  it.each([
    'polar_at_u_abc123',
    'polar_rt_u_abc123',
    'polar_cs_abc123',
    'polar_ac_abc123',
    'polar_oat_abc',
    'polar_pat_abc',
    'polar_at_o_abc',
    'polar_crt_abc',
  ])('never shows %s, which looks like a secret of Polar', (token) => {
    expect(cleanText(`given ${token}, sorry`)).toBe('given [redacted], sorry');
  });

  it('shows client ids, which are not secret', () => {
    expect(cleanText('client polar_ci_abc123 unknown')).toBe('client polar_ci_abc123 unknown');
  });

  it('loses every occurrence of a secret, which is not a pattern', () => {
    expect(cleanText('a.b axb a.b $& a.b', ['a.b'])).toBe('[redacted] axb [redacted] $& [redacted]');
  });

  it('loses the longer secret first if one contains the other', () => {
    expect(cleanText('it was hush-hush-hush', ['hush', 'hush-hush-hush'])).toBe('it was [redacted]');
  });

  it('loses a form-encoded secret', () => {
    expect(cleanText('got s%2Fe%2Bc%3Dr%3At', ['s/e+c=r:t'])).toBe('got [redacted]');
  });
});

it('a validation error leaves out parts of a location that are not text', () => {
  const detail = [{ loc: ['body', { toString: 1 }, null, 'code', 0], msg: 'Field required' }];
  const answer = { status: 422, headers: new Headers(), body: { detail } };
  expect(oauthError(answer, 'request', []).errorDescription).toBe('code.0: Field required');
});
