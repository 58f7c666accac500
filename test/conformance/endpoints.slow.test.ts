/** Endpoints with responses that no provider should send: nobody is logged in, nothing is followed, nobody waits long. */
import { describe, expect, it } from '@jest/globals';
import {
  answersJSON,
  answersText,
  type Behaviour,
  drips,
  endless,
  neverAnswers,
  redirects,
  resetsInTheMiddle,
  startMisbehavingServer,
  stopsInTheMiddle,
} from '../support/misbehaving-server.js';
import { type Endpoint, type Provider, startProvider } from './provider/provider.js';
import {
  closesAfterEach,
  expectRefusal,
  logIn,
  type RelyingParty,
  startRelyingParty,
} from './relying-party.js';

type Asked = Exclude<Endpoint, 'authorize' | 'revoke'>;
const inOrder: readonly Endpoint[] = ['discovery', 'authorize', 'token', 'jwks', 'userinfo'];
const asked: readonly Asked[] = ['discovery', 'token', 'jwks', 'userinfo'];

const opening = closesAfterEach();

async function start(timeoutMs = 10_000): Promise<{ provider: Provider; app: RelyingParty }> {
  const provider = opening(await startProvider());
  const app = opening(await startRelyingParty(provider, { timeoutMs }));
  return { provider, app };
}

/** A login fails at a provider whose endpoint behaves like this. */
async function expectTheEnd(
  endpoint: Asked,
  behaviour: Behaviour,
  code: string,
  timeoutMs?: number,
): Promise<void> {
  const { provider, app } = await start(timeoutMs);
  provider.misbehave({ answers: { [endpoint]: behaviour } });
  const browser = app.browser();
  const calls = inOrder.slice(0, inOrder.indexOf(endpoint) + 1);
  await expectRefusal(app, provider, browser, await logIn(browser), { code, calls });
}

const html = '<!doctype html><title>Sign in</title>';
const isHTML = { 'content-type': 'text/html' };
const isJSON = { 'content-type': 'application/json' };
const big = JSON.stringify({ padding: 'x'.repeat(300 * 1024) });

describe.each(asked)('a login that depends on the %s endpoint', (endpoint) => {
  const refused: Record<Asked, string> = {
    discovery: 'discovery_failed',
    token: 'oauth_error',
    jwks: 'malformed_response',
    userinfo: 'oauth_error',
  };
  // A malformed metadata document has its own error code.
  const noObject = endpoint === 'discovery' ? 'discovery_failed' : 'malformed_response';

  it.each<[string, Behaviour, string]>([
    ['sends HTML', answersText(html, 200, isHTML), 'malformed_response'],
    ['sends HTML that claims to be JSON', answersText(html, 200, isJSON), 'malformed_response'],
    ['sends HTML with 404', answersText(html, 404, isHTML), refused[endpoint]],
    ['sends HTML with 502', answersText(html, 502, isHTML), 'server_error'],
    ['sends 429', answersText('', 429, { 'retry-after': '60' }), 'rate_limited'],
    ['sends nothing', answersText(''), 'malformed_response'],
    ['sends nothing that claims to be JSON', answersText('', 200, isJSON), 'malformed_response'],
    ['sends 204', answersText('', 204), 'malformed_response'],
    ['sends null', answersJSON(null), noObject],
    ['sends a list', answersJSON([]), noObject],
    ['sends a string', answersJSON('text'), noObject],
    ['sends an empty object', answersJSON({}), noObject],
    ['sends half a document', answersText('{"half":', 200, isJSON), 'malformed_response'],
    ['sends 300 KiB', answersText(big, 200, isJSON), 'response_too_large'],
    ['closes the connection in the middle', resetsInTheMiddle, 'network_error'],
  ])('fails if that endpoint %s', async (_what, behaviour, code) => {
    await expectTheEnd(endpoint, behaviour, code);
  });

  it('fails if that endpoint sends an endless response', async () => {
    const behaviour = endless();
    await expectTheEnd(endpoint, behaviour, 'response_too_large');
    await behaviour.closed;
    expect(behaviour.sent()).toBeLessThan(32 * 1024 * 1024);
  });

  it.each([301, 302, 303, 307, 308])(
    'does not follow a redirect of that endpoint with %i',
    async (status) => {
      const thief = opening(await startMisbehavingServer(answersJSON({})));
      await expectTheEnd(endpoint, redirects(`${thief.url}/${endpoint}`, status), 'unexpected_redirect');
      expect(thief.requests).toEqual([]);
    },
  );

  it('does not follow a redirect of that endpoint to itself', async () => {
    await expectTheEnd(endpoint, redirects(''), 'unexpected_redirect');
  });
});

describe('an endpoint that echoes what it was sent', () => {
  // Everything that was sent, in each field that an error quotes.
  const echoes =
    (status: number, type: string): Behaviour =>
    (res, request) => {
      const sent = `${request.body} ${Object.values(request.form).join(' ')} ${request.headers.authorization}`;
      const body = { error: sent, error_description: sent, error_uri: sent };
      answersText(JSON.stringify(body), status, { 'content-type': type, 'www-authenticate': sent })(
        res,
        request,
      );
    };

  it.each<[Asked, number, string, string]>([
    ['token', 400, 'application/json', 'oauth_error'],
    ['token', 401, 'application/json', 'oauth_error'],
    ['token', 500, 'application/json', 'server_error'],
    ['token', 200, 'application/json', 'malformed_response'],
    ['token', 200, 'text/html', 'malformed_response'],
    ['userinfo', 401, 'application/json', 'oauth_error'],
    ['userinfo', 200, 'application/json', 'malformed_response'],
    ['userinfo', 200, 'text/html', 'malformed_response'],
  ])('does not get secrets into the error: %s, with %i as %s', async (endpoint, status, type, code) => {
    await expectTheEnd(endpoint, echoes(status, type), code);
  });

  it('does not get secrets into the error of a client with client_secret_basic', async () => {
    const provider = opening(
      await startProvider({ authMethod: 'client_secret_basic', clientSecret: 'a+b&c d:ü%' }),
    );
    const app = opening(
      await startRelyingParty(provider, { tokenEndpointAuthMethod: 'client_secret_basic' }),
    );
    provider.misbehave({ answers: { token: echoes(400, 'application/json') } });
    const browser = app.browser();
    const calls: Endpoint[] = ['discovery', 'authorize', 'token'];
    await expectRefusal(app, provider, browser, await logIn(browser), { code: 'oauth_error', calls });
  });
});

it.each<[string, Behaviour]>([
  ['never answer', neverAnswers],
  ['stop in the middle', stopsInTheMiddle],
  ['drip', drips(100)],
])('a login waits no longer than timeoutMs for endpoints that %s', async (_what, behaviour) => {
  // In parallel, since each takes its whole time-out.
  await Promise.all(asked.map((endpoint) => expectTheEnd(endpoint, behaviour, 'timeout', 1000)));
});
