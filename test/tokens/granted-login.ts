import { type NewLogin, newLogin } from '../../src/tokens/session-entry.js';

/** A new login with every field that a session entry can have. */
export const grantedLogin = (): NewLogin =>
  newLogin({
    tokens: { accessToken: 'a', refreshToken: 'r', expiresAt: 7, scopes: ['openid', 'email'] },
    subject: 'user-1',
    nonce: 'nonce-1',
    clientID: 'polar_ci_1',
    server: 'https://polar.sh https://api.polar.sh',
    issuedAt: 5,
    askedScopes: ['openid', 'email', 'orders:read'],
    askedOrganization: 'organization-1',
    attempt: 'attempt-1',
  });
