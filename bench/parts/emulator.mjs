// How long a test waits for a local Polar.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from '../lib/figures.mjs';

const runs = 15;
const names = ['import', 'start', 'import + start', 'first login', 'start again', 'login again'];
const starting = fileURLToPath(new URL('../lib/emulator-start.mjs', import.meta.url));

/** @param {import('../run.mjs').Context} context */
export default async function emulator({ log }) {
  /** @type {Record<string, number>[]} */
  const times = Array.from({ length: runs }, () =>
    JSON.parse(execFileSync(process.execPath, [starting], { encoding: 'utf8' })),
  );
  log(`${runs} processes`);
  return {
    title: 'A local Polar',
    text: `Wall time in ${runs} fresh processes: import of \`passport-polar-sh/emulator\`, start of an emulator, and a login over HTTP (authorize page and token request). "Again" is a second emulator with its login in the same process, as in every further test of a file: the RSA key that signs id_tokens is made once in a process, at the first login, and takes most of that login's time.`,
    tables: [
      {
        columns: ['', 'median', 'slowest'],
        rows: names.map((name) => {
          const all = times.map((each) => each[name] ?? Number.NaN);
          return [name, `${median(all).toFixed(1)} ms`, `${Math.max(...all).toFixed(1)} ms`];
        }),
      },
    ],
    goals: [],
  };
}
