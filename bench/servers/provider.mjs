// An OpenID provider with Polar's addresses, tokens and rules: a refresh kills both old tokens at once, and who comes second
// gets invalid_grant. Everybody agrees to everything. Discovery names its true issuer, which the peers insist on.
import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { answerCalls } from '../lib/processes.mjs';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'bench', use: 'sig', alg: 'RS256' }] };
const person = {
  sub: randomUUID(),
  name: 'ada@example.com',
  email: 'ada@example.com',
  email_verified: true,
};
const settings = { delayMs: 0, loginSeconds: 864_000, refreshedSeconds: 3600 };
/** @type {Map<string, { nonce: string | null, clientID: string | null }>} */
const codes = new Map();
/** @type {Map<string, string>} */
const accessTokenOf = new Map();
/** @type {Set<string>} */
const live = new Set();
let refreshes = 0;
let url = '';

const base64url = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** @param {string} accessToken @param {{ nonce: string | null, clientID: string | null }} login */
function idToken(accessToken, { nonce, clientID }) {
  const now = Math.floor(Date.now() / 1000);
  const at_hash = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
  const times = { exp: now + 3600, iat: now, auth_time: now };
  const claims = { iss: url, ...times, aud: [clientID], ...(nonce && { nonce }), at_hash, ...person };
  const signed = `${base64url({ typ: 'JWT', alg: 'RS256' })}.${base64url(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
}

/** @param {number} seconds */
function newTokens(seconds) {
  const access_token = `polar_at_u_${randomBytes(32).toString('base64url')}`;
  const refresh_token = `polar_rt_u_${randomBytes(32).toString('base64url')}`;
  accessTokenOf.set(refresh_token, access_token);
  live.add(access_token);
  return { token_type: 'Bearer', access_token, expires_in: seconds, refresh_token, scope: 'openid email' };
}

/** @param {URLSearchParams} form */
function exchange(form) {
  if (form.get('grant_type') === 'refresh_token') {
    refreshes += 1;
    const token = form.get('refresh_token') ?? '';
    const old = accessTokenOf.get(token);
    if (old === undefined) return undefined;
    accessTokenOf.delete(token);
    live.delete(old);
    return newTokens(settings.refreshedSeconds);
  }
  const code = form.get('code') ?? '';
  const login = codes.get(code);
  if (login === undefined) return undefined;
  codes.delete(code);
  const tokens = newTokens(settings.loginSeconds);
  return { ...tokens, id_token: idToken(tokens.access_token, login) };
}

const discovery = () => ({
  issuer: url,
  authorization_endpoint: `${url}/oauth2/authorize`,
  token_endpoint: `${url}/v1/oauth2/token`,
  jwks_uri: `${url}/.well-known/jwks.json`,
  revocation_endpoint: `${url}/v1/oauth2/revoke`,
  response_types_supported: ['code'],
  response_modes_supported: ['query'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  token_endpoint_auth_methods_supported: ['client_secret_post'],
  code_challenge_methods_supported: ['S256'],
});

const server = createServer((req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', url);
  const json = (/** @type {unknown} */ body, status = 200) => {
    res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    res.end(JSON.stringify(body));
  };
  if (pathname === '/oauth2/authorize') {
    const code = `polar_ac_${randomBytes(32).toString('base64url')}`;
    codes.set(code, { nonce: searchParams.get('nonce'), clientID: searchParams.get('client_id') });
    const back = new URL(searchParams.get('redirect_uri') ?? '');
    back.search = `${new URLSearchParams({ code, state: searchParams.get('state') ?? '' })}`;
    res.writeHead(302, { location: back.href }).end();
  } else if (pathname === '/v1/oauth2/token') {
    let text = '';
    req.on('data', (chunk) => {
      text += chunk;
    });
    req.on('end', () => {
      const tokens = exchange(new URLSearchParams(text));
      const respond = () => (tokens ? json(tokens) : json({ error: 'invalid_grant' }, 400));
      if (settings.delayMs === 0) respond();
      else setTimeout(respond, settings.delayMs);
    });
  } else if (pathname === '/.well-known/openid-configuration') json(discovery());
  else if (pathname === '/.well-known/jwks.json') json(jwks);
  else if (pathname === '/v1/oauth2/revoke') req.resume().on('end', () => json({}));
  else json({ error: 'not_found' }, 404);
});
server.keepAliveTimeout = 120_000;

answerCalls({
  start: () =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', 2048, () => {
        url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
        resolve(url);
      });
    }),
  /** Milliseconds before each token response, and lifetimes of tokens. */
  set: (/** @type {Partial<typeof settings>} */ changed) => void Object.assign(settings, changed),
  /** How many refreshes were asked for since the last time. */
  takeRefreshes: () => {
    const count = refreshes;
    refreshes = 0;
    return count;
  },
  /** How many of these access tokens are good for nothing. */
  countDead: (/** @type {string[]} */ tokens) => tokens.filter((token) => !live.has(token)).length,
  /** An id_token, as from a login, with what was sent for it and the keys. */
  signIdToken: (/** @type {{ nonce: string, clientID: string }} */ login) => {
    const accessToken = `polar_at_u_${randomBytes(32).toString('base64url')}`;
    return { idToken: idToken(accessToken, login), accessToken, jwks, issuer: url };
  },
});
