import { aboutUnknownScopes } from '../../client/polar-scope.js';
import { normalizeRedirectURI } from '../../emulator/clients/redirect-uri.js';
import { type AuthorizeReply, askToAuthorize } from './authorize-request.js';
import { type Check, type CheckResult, failed, ok, skipped, warning } from './check.js';
import type { ExaminedApp } from './examined-app.js';
import { undecided, unlessNoPolar } from './unreachable.js';

export const redirectURICheck: Check<ExaminedApp> = {
  name: 'redirect-uri',
  run: (app) => asking(app, { redirect_uri: app.redirectURI }, (reply) => redirectURIResult(app, reply)),
};

export const scopesCheck: Check<ExaminedApp> = {
  name: 'scopes',
  run: (app) => asking(app, {}, (reply) => scopesResult(app, reply)),
};

async function asking(
  app: ExaminedApp,
  parameters: Readonly<Record<string, string>>,
  interpret: (reply: AuthorizeReply) => CheckResult | Promise<CheckResult>,
): Promise<CheckResult> {
  if (app.server.resolved === undefined) return skipped('the server is not known: see polar-server');
  if (app.clientID.value === undefined) return skipped('the client id is not usable: see polar-client-id');
  try {
    const reply = await askToAuthorize(app, parameters);
    const skip = await unlessNoPolar(app.contact);
    if (skip !== undefined) return skip;
    if (reply.error === 'invalid_client') return skipped('Polar does not know the client: see client');
    return await interpret(reply);
  } catch (error) {
    return undecided(error, app.contact);
  }
}

async function redirectURIResult(app: ExaminedApp, reply: AuthorizeReply): Promise<CheckResult> {
  const uri = shownURI(app.redirectURI);
  const shown = app.isRedirectURIGiven ? uri : `the default of this command, ${uri},`;
  const advice = app.isRedirectURIGiven
    ? ''
    : ' If your app uses another address, pass it with --redirect-uri (127.0.0.1 and localhost differ).';
  if (reply.error === undefined) return ok(`${shown} is registered${advice && `.${advice}`}`);
  if (reply.error !== 'invalid_request') return undecidedReply(reply.error);
  if (!app.isRedirectURIGiven && app.env['NODE_ENV'] === 'production')
    return warning(`${shown} is not registered`, 'Pass the redirect URI of this app with --redirect-uri.');
  if (normalizeRedirectURI(app.redirectURI) === 'https-required')
    return failed(
      `${shown} is plain http, which Polar registers only for this machine and private networks`,
      'Use https.',
    );
  const similar = await firstRegistered(app, similarTo(app.redirectURI));
  if (similar !== undefined)
    return failed(
      `${shown} is not registered, but ${shownURI(similar)} is`,
      `They have to be the same to the letter: change callbackURL, or register the other one too.${advice}`,
    );
  return failed(
    `${shown} is not registered for this client`,
    `Register it in the dashboard of Polar or with npx passport-polar-sh redirect-uris add; at a local Polar with its option --redirect-uri.${advice}`,
  );
}

/** A redirect URI as given, and so with its spelling, but without what may be a secret in it. Its path is in every login's URL. */
function shownURI(uri: string): string {
  return uri
    .replace(/^([a-z]+:[/\\]*)[^/]*@/i, '$1…@')
    .replace(/([?#]).+$/s, '$1…')
    .replace(/[^\x21-\x7e…]+/g, '�');
}

/** Spellings that are easily mistaken for one another. */
function similarTo(uri: string): string[] {
  const url = new URL(uri);
  const { hostname, pathname, protocol } = url;
  const changed = (change: Partial<Pick<URL, 'protocol' | 'hostname' | 'pathname'>>): string =>
    Object.assign(new URL(uri), change).href;
  return [
    changed({ pathname: pathname.endsWith('/') ? pathname.slice(0, -1) : `${pathname}/` }),
    changed({ pathname: pathname.toLowerCase() }),
    changed({ protocol: protocol === 'https:' ? 'http:' : 'https:' }),
    ...(hostname === 'localhost' ? [changed({ hostname: '127.0.0.1' })] : []),
    ...(hostname === '127.0.0.1' ? [changed({ hostname: 'localhost' })] : []),
    ...(hostname.startsWith('www.') ? [changed({ hostname: hostname.slice(4) })] : []),
    url.href,
  ].filter((each) => each !== uri);
}

async function firstRegistered(app: ExaminedApp, uris: readonly string[]): Promise<string | undefined> {
  const replies = await Promise.all(
    uris.map((uri) => askToAuthorize(app, { redirect_uri: uri }).catch(() => undefined)),
  );
  return uris.find((_uri, index) => replies[index] !== undefined && replies[index].error === undefined);
}

function scopesResult({ scopes: wanted }: ExaminedApp, reply: AuthorizeReply): CheckResult {
  if (reply.error !== undefined) return undecidedReply(reply.error);
  const { scopes: registered } = reply;
  if (registered === undefined) return skipped('Polar did not list the scopes of the client');
  const missing = wanted.filter((scope) => !registered.includes(scope));
  if (missing.length === 0) return ok(`${wanted.join(' ')}: registered`);
  return failed(
    `not registered for this client: ${missing.join(' ')}.${aboutUnknownScopes(missing)}`,
    'Register these scopes for the client at Polar: otherwise it drops them at each login, without an error.',
  );
}

function undecidedReply(error: string): CheckResult {
  return warning(`could not be decided: Polar responds with ${error}`, 'Log in once to find out.');
}
