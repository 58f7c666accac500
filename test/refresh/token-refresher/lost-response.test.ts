/** What the error of a login that is over says of the reason. */
import { describe, expect, it } from '@jest/globals';
import { PolarOAuthError, PolarResponseError } from '../../../src/errors.js';
import { errorOf, outcome } from '../refresher/refresher-process.js';
import { expiredWorld, inVirtualTime } from '../refresher/refresher-setup.js';
import { hourMs, pass, transient } from '../refresher/refresher-world.js';

inVirtualTime();

describe('when a login is over, the error says that a response of Polar got lost', () => {
  const malformed = new PolarResponseError('malformed_response', 'not JSON');
  const oauth = (code: 'invalid_client' | 'oauth_error') =>
    new PolarOAuthError(code, `Polar refused the refresh (${code}).`, { error: code, httpStatus: 400 });
  const lost = /its answer to an earlier refresh, with the new tokens, got lost/;

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
  ])('after %s', async (_what, error) => {
    expect(await afterwards(error)).toMatch(lost);
  });

  it.each<[string, Error]>([
    ['429', transient('rate_limited', 60)],
    ['an OAuth error', oauth('invalid_client')],
    ['a 4xx that is none of OAuth', oauth('oauth_error')],
  ])('but not after %s, which tells that nothing happened', async (_what, error) => {
    const message = await afterwards(error);
    expect(message).not.toMatch(lost);
    expect(message).toMatch(/revoked there or has expired/);
  });

  it('but not when a later refresh came through', async () => {
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
