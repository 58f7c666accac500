// What a whole login costs the server, from /login to the redirect after /callback.
import { cpuOf, startApp, startProvider, stopAll } from '../lib/apps.mjs';
import { interleaved, median, ratios, withSpread } from '../lib/figures.mjs';
import { logIn, times, warmUp } from '../lib/load.mjs';

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
const baseline = 'passport-oauth2';
const rival = 'openid-client with signature check';
const ours = 'passport-polar-sh';
const generations = 2;
const most = { seconds: 20, rounds: 25 };
const logins = 40;

/** @param {import('../run.mjs').Context} context */
export default async function login({ only, log }) {
  const chosen = variants.filter(({ name }) => [baseline, rival].includes(name) || only(name));
  /** @type {Record<string, number[]>} */
  const figures = {};
  /** @type {Record<string, { set: number, get: number, destroy: number, touch: number }>} */
  const operations = {};
  for (let generation = 1; generation <= generations; generation += 1) {
    const provider = await startProvider();
    /** @type {Map<string, import('../lib/apps.mjs').Running>} */
    const running = new Map();
    for (const variant of chosen) {
      const app = await startApp(variant, { provider: provider.url });
      running.set(variant.name, app);
      await logIn(app.url);
      await app.call('takeOperations');
      await logIn(app.url);
      operations[variant.name] = await app.call('takeOperations');
      await warmUp(10, () => logInMany(app.url));
    }
    const measure = async (/** @type {string} */ name) => {
      const app = /** @type {import('../lib/apps.mjs').Running} */ (running.get(name));
      return cpuOf(app, logins, () => logInMany(app.url));
    };
    await interleaved([...running.keys()], most, measure, figures);
    await stopAll([provider, ...running.values()]);
    log(`${generation} of ${generations}`);
  }
  const of = (/** @type {string} */ name) => figures[name] ?? [];
  return {
    title: 'A login',
    text: `CPU time of the server for a whole login, its ratio to passport-oauth2, which checks nothing of the id_token, and what is asked of the session store (MemoryStore). ${generations} processes of each, and in each at most ${most.rounds} rounds of ${logins} logins. Where a package keeps no tokens, they are put into the session by hand.`,
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
