/** What the error says about why a login is over. */
import { describe, expect, it } from '@jest/globals';
import { PolarOAuthError, PolarResponseError } from '../../../src/errors.js';
import { transient } from '../support/polar-errors.js';
import { errorOf, outcome } from '../support/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../support/refresher-setup.js';
import { hourMs, pass } from '../support/refresher-world.js';

inVirtualTime();

describe('the error for a login that is over', () => {
  const malformed = new PolarResponseError('malformed_response', 'not JSON');
  const oauth = (code: 'invalid_client' | 'oauth_error') =>
    new PolarOAuthError(code, `Polar refused the refresh (${code}).`, { error: code, httpStatus: 400 });
  const lost = /its response to an earlier refresh, with the new tokens, was lost/;

  async function afterwards(mishap: Error): Promise<string> {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    world.mishaps.push({ after: mishap });
    await errorOf(a.valid());
    await pass(120_000);
    const error = await errorOf(a.valid());
    expect(error.code).toBe('login_expired');
    return error.message;
  }

  it.each<[string, Error]>([
    ['a time-out', transient('timeout')],
    ['a reset connection, or half a body', transient('network_error')],
    ['garbage', malformed],
  ])('says that a response of Polar was lost after %s', async (_what, error) => {
    expect(await afterwards(error)).toMatch(lost);
  });

  it.each<[string, Error]>([
    ['429', transient('rate_limited', 60)],
    ['an OAuth error', oauth('invalid_client')],
    ['a 4xx that is not an OAuth error', oauth('oauth_error')],
  ])(
    'does not say that a response was lost after %s, since Polar has changed nothing',
    async (_what, error) => {
      const message = await afterwards(error);
      expect(message).not.toMatch(lost);
      expect(message).toMatch(/revoked or has expired/);
    },
  );

  it('does not say that a response was lost if a later refresh succeeded', async () => {
    const world = await expiredWorld();
    const a = world.process('A').acquainted();
    world.mishaps.push({ before: transient('timeout') });
    await errorOf(a.valid());
    await pass(60_000);
    expect(await outcome(a.valid())).toBe('access-1');
    await pass(hourMs);
    world.live = undefined;
    expect((await errorOf(a.valid())).message).not.toMatch(lost);
  });
});
