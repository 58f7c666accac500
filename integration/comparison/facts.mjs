// What is compared. Each fact starts an app of each library and measures; no cell is written by hand.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import * as openidClient from 'openid-client';
import { linesOfCode } from './libraries.mjs';

/**
 * @typedef {object} Fact
 * @property {string} title the row's title
 * @property {import('./lib/site.mjs').SiteOptions} [site]
 * @property {(site: import('./lib/site.mjs').Site) => Promise<string>} measure gives the cell
 */

const yesOrNo = (is) => (is ? 'yes' : 'no');
/** Access tokens of a login live two seconds instead of ten days, so that apps find them expired without waiting. */
const shortLived = { lifetimes: { loginAccessTokenSeconds: 2 } };
const untilExpired = () => delay(2500);
const slowToken = (site, delayMs) => site.polar.fail('token', { delayMs }, Number.POSITIVE_INFINITY);

/** @type {readonly Fact[]} */
export const facts = [
  {
    title: 'Logs in at Polar',
    async measure(site) {
      const browser = await site.logIn();
      return yesOrNo((await site.isLoggedIn(browser)) && (await site.canCallPolar(browser)));
    },
  },
  {
    title: 'Lines of code of the app',
    measure: async ({ library }) => String(linesOfCode(library)),
  },
  {
    title: 'PKCE (S256)',
    async measure(site) {
      const { searchParams } = await site.start(site.browser());
      return yesOrNo(searchParams.get('code_challenge_method') === 'S256');
    },
  },
  {
    title: 'Rejects an id_token with a wrong signature, audience or expiry',
    async measure(site) {
      const makers = [forgedToken, tokenOfOtherClient, expiredToken];
      let rejected = 0;
      for (const make of makers) if (!(await acceptsToken(site, make))) rejected += 1;
      return `${rejected} of ${makers.length}`;
    },
  },
  {
    title: 'Rejects an id_token with another nonce',
    measure: async (site) => yesOrNo(!(await acceptsToken(site, tokenWithOtherNonce))),
  },
  {
    title: "Rejects a callback of another person's browser (login CSRF)",
    async measure(site) {
      const callback = await site.agree(await site.start(site.browser()));
      const victim = site.browser();
      await site.start(victim); // even one who has started a login
      await victim.open(callback);
      return yesOrNo(!(await site.isLoggedIn(victim)));
    },
  },
  {
    title: 'Three tabs that start at once can all finish',
    async measure(site) {
      const browser = site.browser();
      const starts = await Promise.all([1, 2, 3].map(() => site.start(browser)));
      let finished = 0;
      for (const address of starts)
        if (site.hasLoggedIn(await browser.open(await site.agree(address)))) finished += 1;
      return `${finished} of 3`;
    },
  },
  {
    title: 'A double-clicked callback ends logged in',
    async measure(site) {
      const browser = site.browser();
      const callback = await site.agree(await site.start(browser));
      slowToken(site, 500);
      const first = browser.request(callback); // its response is dropped when the second click comes
      await delay(100);
      await browser.open(callback);
      await first;
      return yesOrNo(await site.isLoggedIn(browser));
    },
  },
  {
    title: 'Refreshes an expired access token',
    site: { polar: shortLived },
    async measure(site) {
      const browser = await site.logIn();
      await untilExpired();
      return yesOrNo((await site.canCallPolar(browser)) && site.refreshes === 1);
    },
  },
  ...atOnce('20 requests at once with an expired token', { processes: 1 }),
  ...atOnce('The same, in two processes that share their store', { processes: 2 }),
  {
    title: "Still logged in after a refresh that Polar answers after 40 s",
    site: { polar: shortLived },
    async measure(site) {
      const browser = await site.logIn();
      await untilExpired();
      site.polar.fail('token', { delayMs: 40_000 });
      const started = performance.now();
      await browser.open('/organizations');
      const waited = performance.now() - started;
      await delay(Math.max(0, 41_000 - waited));
      const stays = await site.canCallPolar(browser);
      return `${yesOrNo(stays)}; the request waited ${Math.round(waited / 1000)} s`;
    },
  },
  {
    title: 'Logging out revokes the tokens at Polar',
    async measure(site) {
      const browser = await site.logIn();
      const { path, method } = site.library.logout;
      await browser.open(path, { method });
      if (await site.isLoggedIn(browser)) throw new Error('the app did not log out');
      await delay(1000);
      return yesOrNo(site.polar.liveTokens().length === 0);
    },
  },
];

/** Many requests that find the token expired, at a Polar that takes half a second to respond. */
function atOnce(title, { processes }) {
  return [
    {
      title,
      site: { processes, polar: shortLived },
      async measure(site) {
        const browser = await site.logIn();
        await untilExpired();
        slowToken(site, 500);
        const pages = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            browser.open(new URL('/organizations', site.origins[i % processes]).href),
          ),
        );
        const served = pages.filter(({ status }) => status === 200).length;
        const sent = site.refreshes;
        const stays = await site.canCallPolar(browser);
        return `${sent} refreshes, ${served} served, logged in afterwards: ${yesOrNo(stays)}`;
      },
    },
  ];
}

/** Whether a login succeeds with the id_token that is made for it. */
async function acceptsToken(site, make) {
  const browser = site.browser();
  const address = await site.start(browser);
  const callback = await site.agree(address);
  const body = await make(site, address.searchParams.get('nonce') ?? undefined);
  site.polar.fail('token', { status: 200, body });
  await browser.open(callback);
  site.polar.heal('token');
  return site.isLoggedIn(browser);
}

async function forgedToken(site, nonce) {
  const body = await tokensFrom(site, site.client, nonce);
  const [header, payload] = body.id_token.split('.');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signature = sign('sha256', Buffer.from(`${header}.${payload}`), privateKey);
  return { ...body, id_token: `${header}.${payload}.${signature.toString('base64url')}` };
}

/** Genuine tokens that another app got, as somebody who runs that app could inject them. */
async function tokenOfOtherClient(site, nonce) {
  const other = site.polar.registerClient({ redirectURIs: site.client.redirectURIs, scope: site.client.scope });
  return tokensFrom(site, other, nonce);
}

async function expiredToken(site, nonce) {
  site.polar.advanceTime(-86_400);
  const body = await tokensFrom(site, site.client, nonce);
  site.polar.advanceTime(86_400);
  return body;
}

const tokenWithOtherNonce = (site) => tokensFrom(site, site.client, 'of-another-login');

/** What Polar's token endpoint answers to a login. */
async function tokensFrom({ polar }, client, nonce) {
  const [redirectURI] = client.redirectURIs;
  const address = new URL('/oauth2/authorize', polar.url);
  const verifier = openidClient.randomPKCECodeVerifier();
  const query = {
    response_type: 'code',
    client_id: client.clientID,
    redirect_uri: redirectURI,
    scope: client.scope,
    state: 'any',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(nonce !== undefined && { nonce }),
  };
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  const callback = new URL(await polar.authorize(address.href), redirectURI);
  const response = await fetch(new URL('/v1/oauth2/token', polar.url), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client.clientID,
      client_secret: client.clientSecret,
      code: callback.searchParams.get('code'),
      redirect_uri: redirectURI,
      code_verifier: verifier,
    }),
  });
  if (!response.ok) throw new Error(`The local Polar answered ${response.status}`);
  return response.json();
}
