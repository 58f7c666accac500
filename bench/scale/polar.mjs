// The process of a local Polar with its production rate limit.
import { startPolarEmulator } from '../../src/emulator.ts';
import { clientID, clientSecret } from '../lib/client.mjs';
import { answerCalls } from '../lib/processes.mjs';

/** @type {import('../../src/emulator.ts').PolarEmulator} */
let polar;

answerCalls({
  async start(/** @type {string[]} */ redirectURIs) {
    polar = await startPolarEmulator({
      consent: 'auto',
      clients: [{ clientID, clientSecret, redirectURIs }],
      realistic: { rateLimit: 'production' },
    });
    return polar.url;
  },
  /** Refresh tokens of so many logins, whose access tokens have expired. */
  expiredTokens(/** @type {number} */ count) {
    const request = { clientID, user: polar.user, scope: 'openid email', expired: true };
    return Array.from({ length: count }, () => {
      const { accessToken, refreshToken } = polar.issueTokens(request);
      return { accessToken, refreshToken };
    });
  },
  /** What has come to the token endpoint, by grant type and status. */
  requestCounts() {
    /** @type {Record<string, number>} */
    const counts = {};
    for (const { grantType, status } of polar.requests)
      if (grantType !== undefined)
        counts[`${grantType} ${status}`] = (counts[`${grantType} ${status}`] ?? 0) + 1;
    return counts;
  },
});
