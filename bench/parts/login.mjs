// What a whole login costs the server, from /login to the redirect after /callback.
import { addApp, cpuOf, startProvider, stopAll } from '../lib/apps.mjs';
import { interleaved, median, ratios, withSpread } from '../lib/figures.mjs';
import { closeConnections, logIn, times } from '../lib/load.mjs';
import { startProcess } from '../lib/processes.mjs';

/** @type {import('../lib/apps.mjs').Variant[]} */
const variants = [
  { name: 'passport-oauth2', server: 'passport-oauth2', lacks: 'nonce, and any check of the id_token' },
  { name: 'passport-polar-sh', server: 'polar' },
  { name: 'passport-polar-sh, encryptionKeys', server: 'polar', options: { isEncrypted: true } },
  {
    name: 'openid-client with signature check',
    server: 'openid-client',
    options: { checksSignature: true },
    lacks: 'at_hash; login attempts are in the session, which a second tab overwrites',
  },
  {
    name: 'openid-client without',
    server: 'openid-client',
    lacks: 'signature, at_hash; login attempts as above',
  },
  {
    name: 'express-openid-connect, cookie',
    server: 'express-openid-connect',
    options: { keepsIn: 'cookie' },
    lacks: 'signature, at_hash; no Passport',
  },
  {
    name: 'express-openid-connect, store',
    server: 'express-openid-connect',
    options: { keepsIn: 'store' },
    lacks: 'signature, at_hash; no Passport',
  },
  {
    name: 'passport-openidconnect',
    server: 'passport-openidconnect',
    lacks: 'signature, at_hash, PKCE',
  },
];
const why = `A login of this package does more than one of openid-client. Of the CPU time in this package, by a profile (\`--cpu-prof\`), 16 % are
the token request, 14 % sessions and redirects, and 10 % the signature: openid-client does these, too. 15 % are sealing (the row of
the attempt is sealed with a key that only the browser's cookie holds, opened, and sealed again as used: AES-GCM, HKDF, SHA-256, random
bytes), 5 % the store operations that openid-client does not make, each with its deadline, and 5 % the entry of the session. 36 % are
some sixty functions of less than 1 % each: they parse what Polar and the browser have sent, build addresses and cookies, check claims,
identify the user, and watch for a login that fails or is lost on the way.

To be faster than openid-client, this package would have to keep login attempts in the session, too: a second tab would overwrite them,
they would not be sealed, and anyone who has the address of a response could use up an attempt.`;
const baseline = 'passport-oauth2';
const rival = 'openid-client with signature check';
const ours = 'passport-polar-sh';
const generations = 2;
const most = { seconds: 20, rounds: 40 };
const warmUp = { seconds: 10, rounds: 15 };
const logins = 20;

/** @param {import('../run.mjs').Context} context */
export default async function login({ only, log }) {
  const chosen = variants.filter(({ name }) => [baseline, rival].includes(name) || only(name));
  /** @type {Record<string, number[]>} */
  const figures = {};
  /** @type {Record<string, { set: number, get: number, destroy: number, touch: number }>} */
  const operations = {};
  for (let generation = 1; generation <= generations; generation += 1) {
    const provider = await startProvider();
    const apps = startProcess('app', `login-${generation}`);
    /** @type {Map<string, string>} */
    const urls = new Map();
    for (const variant of chosen) {
      const url = await addApp(apps, variant, { provider: provider.url });
      urls.set(variant.name, url);
      await logIn(url);
      await apps.call('takeOperations');
      await logIn(url);
      operations[variant.name] = await apps.call('takeOperations');
    }
    const measureOne = (/** @type {string} */ name) =>
      cpuOf(apps, logins, () => logInMany(urls.get(name) ?? ''));
    await interleaved([...urls.keys()], warmUp, measureOne);
    await interleaved([...urls.keys()], most, measureOne, figures);
    await closeConnections();
    await Promise.all([stopAll([provider]), apps.stop()]);
    log(`${generation} of ${generations}`);
  }
  const of = (/** @type {string} */ name) => figures[name] ?? [];
  return {
    title: 'A login',
    text: `CPU time of the server for a whole login, its ratio to passport-oauth2, which checks nothing of the id_token, and the operations of the session store (MemoryStore). All apps are in one process; at most ${most.rounds} rounds of ${logins} logins in each of ${generations}. Where a package keeps no tokens, they are put into the session by hand.`,
    tables: [
      {
        columns: [
          '',
          'CPU per login',
          'ratio (middle half of the rounds)',
          'SET / GET / DEL',
          'what it does not check or do',
        ],
        rows: chosen.map(({ name, lacks = '' }) => [
          name,
          `${(median(of(name)) / 1000).toFixed(2)} ms`,
          name === baseline ? '1' : withSpread(ratios(of(name), of(baseline))),
          `${operations[name]?.set} / ${operations[name]?.get} / ${operations[name]?.destroy}`,
          lacks,
        ]),
      },
    ],
    why,
    goals: [ours, `${ours}, encryptionKeys`]
      .filter((name) => figures[name] !== undefined)
      .map((name) => ({
        name: `login: ${name} to ${rival}`,
        figure: median(ratios(of(name), of(rival))),
        limit: 0.95,
      })),
  };
}

/** @param {string} url */
function logInMany(url) {
  return times(logins, 8, () => logIn(url));
}
