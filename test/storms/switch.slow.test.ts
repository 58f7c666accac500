/** Users who log in again, or as somebody else, while the tokens of the previous login are being refreshed. */
import { expect, it } from '@jest/globals';
import { emailOf, loginLife, type Site, type SiteOptions, until } from './site.js';
import { describeStorm } from './suite.js';

describeStorm('a login that replaces another one during a refresh', ({ measured, startSite }) => {
  let site: Site;

  it.each<SiteOptions['storage']>(['redis', 'session'])(
    'keeps its own tokens, and the old ones are revoked (storage: %s)',
    async (storage) => {
      site = await startSite({ workers: 2, people: 2, storage });
      const second = { path: '/auth/polar', inFlight: '/token-and-touch' } as const;
      const outcomes = {
        'as somebody else': await replaceDuringRefresh({ ...second, person: 1 }),
        'as the same person': await replaceDuringRefresh({ ...second, person: 0 }),
        // This login stays in its session, where a stale write would bring the old login back.
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
    /** What the old login is doing when the new one comes. */
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

    // Only one of the two logins is left at Polar, and all processes have its tokens.
    await until(() => site.polar.liveTokens().length === 1);
    const [live] = site.polar.liveTokens();
    expect(live?.user).toBe(emailOf(person));
    for (const worker of site.workers) {
      expect((await visitor.token(worker)).body).toEqual({ accessToken: live?.accessToken });
      expect((await visitor.get(worker, '/login')).body.loginId).not.toBe(oldLogin);
      if (path === '/auth/polar') expect((await old.get(worker, '/organizations')).status).toBe(401);
    }
    // The login goes on.
    await site.advanceTime(loginLife);
    const later = await Promise.all(site.workers.map((worker) => visitor.token(worker)));
    expect(site.polar.liveTokens()).toMatchObject([{ user: emailOf(person) }]);
    const [newest] = site.polar.liveTokens();
    expect(later.map(({ body }) => body.accessToken)).toEqual(site.workers.map(() => newest?.accessToken));
    site.polar.revokeAll();
    return `${status} ${body.code ?? (body.accessToken?.startsWith('polar_') ? 'token' : body.accessToken)}`;
  }
});
