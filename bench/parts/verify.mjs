// What the verification of an id_token costs.
import { startProvider, stopAll } from '../lib/apps.mjs';
import { clientID } from '../lib/client.mjs';
import { interleaved, median, ratios, withSpread } from '../lib/figures.mjs';
import { startProcess } from '../lib/processes.mjs';

const baseline = 'jose.jwtVerify, local key set';
const names = [
  baseline,
  'jose.jwtVerify, one imported key',
  'as at a login, keys cached',
  'verifyIdToken({ jwks })',
];
const why = `The signature is checked by jose in all rows, and costs the same. On top come, in microseconds on the main thread: 3 to 5 for the SHA-256
of the access token (at_hash), 3 for the check that each part is canonical base64url, 3 for the check of the header before keys are
looked up, and, with \`jwks\`, 2 for the keys and 2 for the server. jose checks none of these. at_hash alone takes as much as the goal
leaves.`;
const generations = 2;
const most = { seconds: 8, rounds: 60 };
const times = 100;

/** @param {import('../run.mjs').Context} context */
export default async function verify({ log }) {
  const provider = await startProvider();
  const nonce = 'n'.repeat(43);
  const token = await provider.call('signIdToken', { nonce, clientID });
  /** @type {Record<string, number[]>} */
  const figures = {};
  for (let generation = 1; generation <= generations; generation += 1) {
    const verifying = startProcess('verifying');
    await verifying.call('start', { ...token, nonce });
    for (const name of names) await verifying.call('verify', name, 10 * times);
    await interleaved(names, most, (name) => verifying.call('verify', name, times), figures);
    await verifying.stop();
    log(`${generation} of ${generations}`);
  }
  await stopAll([provider]);
  const ratiosOf = (/** @type {string} */ name) => ratios(figures[name] ?? [], figures[baseline] ?? []);
  return {
    title: 'An id_token',
    text: "CPU time of all threads to verify an RS256 id_token, one after the other. jose checks signature, issuer, audience and times; this package, which calls jose for the signature, also checks azp, age, nonce, at_hash, subject, and that the token's text is canonical.",
    tables: [
      {
        columns: ['', 'CPU', 'ratio (middle half of the rounds)'],
        rows: names.map((name) => [
          name,
          `${median(figures[name] ?? []).toFixed(0)} us`,
          name === baseline ? '1' : withSpread(ratiosOf(name)),
        ]),
      },
    ],
    why,
    goals: names
      .filter((name) => !name.startsWith('jose'))
      .map((name) => ({ name: `${name}, to ${baseline}`, figure: median(ratiosOf(name)), limit: 1.05 })),
  };
}
