/** Somebody logs in again, or as somebody else, while tokens of the login before are being refreshed. */
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { hasRedis } from '../support/redis-server.js';
import { Measured } from './measured.js';
import { emailOf, loginLife, Site, type SiteOptions, until } from './site.js';

(hasRedis ? describe : describe.skip)('a login that replaces one whose tokens are being refreshed', () => {
  const measured = new Measured();
  afterAll(() => measured.print());
  let site: Site;
  afterEach(() => site?.close());

  it.each<SiteOptions['storage']>(['redis', 'session'])(
    'keeps its own tokens, and the old ones are revoked (storage: %s)',
    async (storage) => {
      site = await Site.start({ workers: 2, people: 2, storage });
      const second = { path: '/auth/polar', inFlight: '/token-and-touch' } as const;
      const outcomes = {
        'as somebody else': await replaceDuringRefresh({ ...second, person: 1 }),
        'as the same person': await replaceDuringRefresh({ ...second, person: 0 }),
        // This one stays in its session, which a stale write would put back to what it was: whoever writes it loses that.
        'by linking an account': await replaceDuringRefresh({
          path: '/link/polar',
          inFlight: '/token',
          person: 1,
        }),
      };
      measured.add(`${storage}: what the old request got`, outcomes);
    },
    60_000,
  );

  interface Replacement {
    readonly path: string;
    readonly person: number;
    /** What the old login is at when the new one comes. */
    readonly inFlight: '/token' | '/token-and-touch';
  }

  async function replaceDuringRefresh({ inFlight, path, person }: Replacement): Promise<string> {
    const [first, other] = [site.worker(0), site.worker(1)];
    const visitor = await site.visitor(0);
    const old = visitor.copy();
    const oldLogin = (await visitor.get(first, '/login')).body.loginId;
    await site.advanceTime(loginLife);
    const refreshesBefore = site.refreshes.length;
    site.polar.fail('token', { delayMs: 1000 });
    const caught = inFlight === '/token' ? old.get(first, inFlight) : old.post(first, inFlight);
    await until(() => site.refreshes.length > refreshesBefore);

    await visitor.logIn(other, site.polar, emailOf(person), path);
    const { status, body } = await caught;

    // Of the two logins one is left at Polar, and all processes have its tokens.
    await until(() => site.polar.liveTokens().length === 1);
    const [live] = site.polar.liveTokens();
    expect(live?.user).toBe(emailOf(person));
    for (const worker of site.workers) {
      expect((await visitor.token(worker)).body).toEqual({ accessToken: live?.accessToken });
      expect((await visitor.get(worker, '/login')).body.loginId).not.toBe(oldLogin);
      if (path === '/auth/polar') expect((await old.get(worker, '/organizations')).status).toBe(401);
    }
    // And it goes on.
    await site.advanceTime(loginLife);
    const later = await Promise.all(site.workers.map((worker) => visitor.token(worker)));
    expect(site.polar.liveTokens()).toMatchObject([{ user: emailOf(person) }]);
    const [newest] = site.polar.liveTokens();
    expect(later.map(({ body }) => body.accessToken)).toEqual(site.workers.map(() => newest?.accessToken));
    site.polar.revokeAll();
    return `${status} ${body.code ?? (body.accessToken?.startsWith('polar_') ? 'token' : body.accessToken)}`;
  }
});
