// What is compared. Each fact is measured at the app of each library; no cell is written by hand.
import { generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { startSite } from './lib/site.mjs';
import { linesOfCode } from './libraries.mjs';

/**
 * @typedef {object} Fact
 * @property {string} title the row's title
 * @property {boolean} [varies] whether the cells of some libraries depend on which response comes first
 * @property {(site: import('./lib/site.mjs').Site) => Promise<string>} measure gives the cell
 */

const yesOrNo = (is) => (is ? 'yes' : 'no');
const pkceOf = ({ searchParams }) => yesOrNo(searchParams.get('code_challenge_method') === 'S256');
const untilExpired = () => delay(10_500);

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
    title: 'Logs in with its own provider for Polar',
    async measure({ library, redisURL }) {
      if (library.ownProvider === undefined) return 'has none';
      const site = await startSite({ ...library, ...library.ownProvider }, redisURL);
      const browser = site.browser();
      await browser.open(await site.agree(await site.start(browser)));
      const isLoggedIn = await site.isLoggedIn(browser);
      await site.stop();
      return yesOrNo(isLoggedIn);
    },
  },
  {
    title: "Accepts Polar's discovery document",
    async measure({ library, polar, client }) {
      if (library.discover === undefined) return 'reads none';
      return library.discover(polar.url, client).then(
        () => 'yes',
        () => 'no',
      );
    },
  },
  {
    title: 'Lines of code of the app',
    measure: async ({ library }) => String(linesOfCode(library)),
  },
  {
    title: 'PKCE (S256)',
    measure: async (site) => pkceOf(await site.start(site.browser())),
  },
  {
    title: 'PKCE (S256) without an option that asks for it',
    async measure(site) {
      const { startByDefault } = site.library;
      return pkceOf(await (startByDefault?.(site.polar.url, site.client) ?? site.start(site.browser())));
    },
  },
  {
    title: 'Rejects an id_token whose signature is wrong',
    measure: async (site) => yesOrNo(!(await acceptsToken(site, forgedToken))),
  },
  {
    title: 'Rejects an id_token that was issued to another app',
    measure: async (site) => yesOrNo(!(await acceptsToken(site, tokenOfOtherClient))),
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
    title: 'Three tabs opened at once, without a session: logins that finish',
    async measure(site) {
      const browser = site.browser();
      const started = await Promise.all([1, 2, 3].map(() => site.requestStart(browser)));
      const starts = started.map((page) => {
        browser.keepCookies(page);
        return site.addressIn(page);
      });
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
      site.polar.fail('token', { delayMs: 500 }, 2);
      const first = browser.request(callback); // its response is dropped when the second click comes
      while (!site.polar.requests.some(({ endpoint }) => endpoint === 'token')) await delay(10);
      const page = await browser.open(callback);
      await first;
      if (site.isAtPolar(page)) await browser.open(await site.agree(new URL(page.location)));
      return yesOrNo(await site.isLoggedIn(browser));
    },
  },
  {
    title: 'Refreshes an expired access token',
    async measure(site) {
      const browser = await site.logIn();
      await untilExpired();
      return yesOrNo((await site.canCallPolar(browser)) && site.refreshes === 1);
    },
  },
  {
    title: '20 requests at once with an expired token',
    varies: true,
    measure: (site) => atOnce(site, site.origins.slice(0, 1)),
  },
  {
    title: 'The same, in two processes with one store',
    varies: true,
    measure: (site) => atOnce(site, site.origins),
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
  {
    title: 'A refresh that Polar answers after 40 s',
    async measure(site) {
      const browser = await site.logIn();
      await untilExpired();
      site.polar.fail('token', { delayMs: 40_000 });
      const started = performance.now();
      await browser.open('/organizations');
      const waited = performance.now() - started;
      await delay(Math.max(0, 41_000 - waited));
      const stays = await site.canCallPolar(browser);
      return `${stays ? 'still logged in' : 'logged out'}, the request waited ${5 * Math.round(waited / 5000)} s`;
    },
  },
];

/** Many requests that find the token expired, at a Polar that takes a second to respond. */
async function atOnce(site, origins) {
  const browser = await site.logIn();
  for (const origin of site.origins) await browser.open(`${origin}/me`); // has each process start all that it starts late
  await untilExpired();
  site.polar.fail('token', { delayMs: 1000 }, Number.POSITIVE_INFINITY);
  const pages = await Promise.all(
    Array.from({ length: 20 }, (_, i) => browser.open(`${origins[i % origins.length]}/organizations`)),
  );
  const served = pages.filter(({ status }) => status === 200).length;
  const sent = site.refreshes;
  const end = (await site.canCallPolar(browser)) ? 'still logged in' : 'logged out';
  return `${sent} ${sent === 1 ? 'refresh' : 'refreshes'}, ${served} of 20 served, ${end}`;
}

/**
 * Whether a login succeeds if Polar answers with other tokens.
 *
 * @param {(site: import('./lib/site.mjs').Site, address: URL) => Promise<{ callback: string, tokens: object }>} make what Polar
 *   answers to a login whose page at Polar has this address
 */
async function acceptsToken(site, make) {
  if (!(await logsInWith(site, answerTo))) throw new Error('the app rejects genuine tokens, too');
  return logsInWith(site, make);
}

async function logsInWith(site, make) {
  const browser = site.browser();
  const { callback, tokens } = await make(site, await site.start(browser));
  site.polar.fail('token', { status: 200, body: tokens });
  await browser.open(callback);
  site.polar.heal('token');
  return site.isLoggedIn(browser);
}

async function forgedToken(site, address) {
  const { callback, tokens } = await answerTo(site, address);
  const [header, payload] = tokens.id_token.split('.');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signature = sign('sha256', Buffer.from(`${header}.${payload}`), privateKey).toString('base64url');
  return { callback, tokens: { ...tokens, id_token: `${header}.${payload}.${signature}` } };
}

/** Genuine tokens that were issued to another app. */
async function tokenOfOtherClient(site, address) {
  const { redirectURIs, scope } = site.client;
  const other = site.polar.registerClient({ redirectURIs, scope });
  address.searchParams.set('client_id', other.clientID);
  return answerTo(site, address, other);
}

async function tokenWithOtherNonce(site, address) {
  address.searchParams.set('nonce', 'of-another-login');
  return answerTo(site, address);
}

/** The callback that follows on a page at Polar, and the tokens for its code. Without PKCE, since only the app knows the verifier. */
async function answerTo(site, address, client = site.client) {
  for (const name of ['code_challenge', 'code_challenge_method']) address.searchParams.delete(name);
  const callback = await site.agree(address);
  const response = await fetch(new URL('/v1/oauth2/token', site.polar.url), {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client.clientID,
      client_secret: client.clientSecret,
      code: new URL(callback, site.origins[0]).searchParams.get('code'),
      redirect_uri: client.redirectURIs[0],
    }),
  });
  if (!response.ok) throw new Error(`The local Polar answered ${response.status}`);
  return { callback, tokens: await response.json() };
}
