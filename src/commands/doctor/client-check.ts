import type { TokenEndpointAuthMethod } from '../../client/client-authentication.js';
import { authMethods } from '../../client/client-options.js';
import { PolarOAuthClient } from '../../client/oauth-client.js';
import { PolarOAuthError } from '../../errors.js';
import { askToAuthorize } from './authorize-request.js';
import { type Check, type CheckResult, failed, ok, skipped, warning } from './check.js';
import type { ExaminedApp } from './examined-app.js';
import { otherPolar } from './polar-server.js';
import { undecided } from './unreachable.js';

// No token of Polar looks like this, so nothing that exists can be hit.
const madeUpToken = 'made-up-by-passport-polar-sh-doctor';

/** How Polar takes the credentials of the client. */
type Reply = 'accepted' | 'accepted, but may not refresh' | 'refused' | 'unknown client';

/**
 * Checks client id, secret and authentication method with requests that change nothing: the introspection of a made-up token
 * proves the secret, and a refresh of it the method, since only the token endpoint insists on one.
 */
export const clientCheck: Check<ExaminedApp> = {
  name: 'client',
  async run(app) {
    const { clientID, clientSecret, server } = app;
    if (server.resolved === undefined) return skipped('the server is not known: see polar-server');
    if (clientID.value === undefined) return skipped('the client id is not usable: see polar-client-id');
    if (clientSecret.value === undefined && clientSecret.result.result === 'failed')
      return skipped('the client secret is not usable: see polar-client-secret');
    const problem = problemOfMethod(app);
    if (problem !== undefined) return problem;
    try {
      return await (clientSecret.value === undefined ? publicClient(app) : confidentialClient(app));
    } catch (error) {
      return undecided(error, app.contact);
    }
  },
};

/** What is wrong with POLAR_AUTH_METHOD, whatever Polar says: the option tokenEndpointAuthMethod refuses it. */
function problemOfMethod({ clientSecret, env }: ExaminedApp): CheckResult | undefined {
  const method = env['POLAR_AUTH_METHOD'];
  if (!method) return undefined;
  if (!authMethods.includes(method))
    return failed(
      'POLAR_AUTH_METHOD is not an authentication method',
      `Set it to ${authMethods.slice(0, -1).join(', ')} or none, or leave it out.`,
    );
  if (method === 'none' && clientSecret.value !== undefined)
    return failed(
      'POLAR_AUTH_METHOD is none, but POLAR_CLIENT_SECRET is set',
      'Leave out POLAR_CLIENT_SECRET for a public client, or else POLAR_AUTH_METHOD.',
    );
  if (method !== 'none' && clientSecret.value === undefined)
    return failed(
      `POLAR_AUTH_METHOD is ${method}, but POLAR_CLIENT_SECRET is not set`,
      'Set POLAR_CLIENT_SECRET, or leave out POLAR_AUTH_METHOD for a public client.',
    );
  return undefined;
}

async function confidentialClient(app: ExaminedApp): Promise<CheckResult> {
  const [secret, post] = await Promise.all([
    replyTo(clientOf(app, 'client_secret_post').introspect(madeUpToken)),
    tokenReply(app, 'client_secret_post'),
  ]);
  if (secret === 'unknown client') return unknownClient(app);
  if (secret === 'accepted') {
    if (post === 'accepted, but may not refresh') return mayNotRefresh;
    if (post === 'accepted') {
      if (app.env['POLAR_AUTH_METHOD'] !== 'client_secret_basic')
        return ok('Polar knows the client, and the secret is right');
      return failed(
        'the secret is right, but the client is registered for client_secret_post',
        'Set tokenEndpointAuthMethod and POLAR_AUTH_METHOD to client_secret_post, or leave them out.',
      );
    }
    if (app.env['POLAR_AUTH_METHOD'] === 'client_secret_basic')
      return ok('Polar knows the client, and the secret is right (client_secret_basic)');
    return warning(
      'the secret is right, but the client is registered for client_secret_basic',
      "Set tokenEndpointAuthMethod: 'client_secret_basic' in the options, if it is not set.",
    );
  }
  if ((await tokenReply(app, 'none')) === 'accepted')
    return failed(
      'the client is registered as a public one, which has no secret',
      'Leave clientSecret out, or register a confidential client.',
    );
  return failed(
    'Polar knows the client, but the secret is wrong',
    'Set POLAR_CLIENT_SECRET to the secret of this client; Polar shows it in its dashboard.',
  );
}

// The first access token lives ten days, so this shows late.
const mayNotRefresh = failed(
  'the client may not refresh tokens, so each login ends with its first access token',
  'Add refresh_token to the grant types of the client, or register a new one.',
);

async function publicClient(app: ExaminedApp): Promise<CheckResult> {
  switch (await tokenReply(app, 'none')) {
    case 'accepted':
      return ok('Polar knows the client, which is a public one');
    case 'unknown client':
      return unknownClient(app);
    case 'accepted, but may not refresh':
      return mayNotRefresh;
    default:
      return failed('the client has a secret, but POLAR_CLIENT_SECRET is not set', 'Set it.');
  }
}

async function unknownClient(app: ExaminedApp): Promise<CheckResult> {
  const remedy = 'Check POLAR_CLIENT_ID and the server, and that the client has not been deleted.';
  const found = otherPolar(app.server);
  if (found !== undefined) {
    const [other, server] = found;
    const reply = await askToAuthorize({ ...app, server }, {}).catch(() => undefined);
    if (reply?.scopes !== undefined)
      return failed(
        `the client id belongs to Polar's ${other}`,
        `Use ${other}: POLAR_SERVER=${other}, or --server ${other} here.`,
      );
  }
  return failed('Polar does not know the client id', remedy);
}

function clientOf(app: ExaminedApp, method: TokenEndpointAuthMethod): PolarOAuthClient {
  const { clientID, clientSecret, fetch, requestMs, server } = app;
  return new PolarOAuthClient({
    clientID: clientID.value ?? '',
    clientSecret: method === 'none' ? undefined : clientSecret.value,
    tokenEndpointAuthMethod: method,
    server: server.option,
    timeoutMs: requestMs,
    fetch,
  });
}

function tokenReply(app: ExaminedApp, method: TokenEndpointAuthMethod): Promise<Reply> {
  return replyTo(clientOf(app, method).refresh({ refreshToken: madeUpToken }));
}

async function replyTo(request: Promise<unknown>): Promise<Reply> {
  try {
    await request;
    return 'accepted';
  } catch (error) {
    if (!(error instanceof PolarOAuthError)) throw error;
    if (error.code === 'invalid_grant') return 'accepted';
    if (error.code === 'unauthorized_client') return 'accepted, but may not refresh';
    if (error.code !== 'invalid_client') throw error;
    // RFC 6749 has one code for both.
    return /does not exist/.test(error.errorDescription ?? '') ? 'unknown client' : 'refused';
  }
}
