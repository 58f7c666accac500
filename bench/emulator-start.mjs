// How long a test waits for a local Polar. Measures the build, so build first:
//
//   npm run build && npm run bench [-- RUNS]
//
// Each run (15 unless told) is a fresh process that imports dist/emulator.mjs, starts an emulator and logs in once over
// HTTP: authorize page and token request. Printed are medians in milliseconds, and the slowest run.
// "again" is a second emulator with its login in the same process, as in every further test of a file: the RSA key that
// signs id_tokens is made once in a process, at the first login, and takes most of that login's time.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const build = new URL('../dist/emulator.mjs', import.meta.url);

async function measure() {
  const times = {};
  let last = performance.now();
  const lap = (name) => {
    const now = performance.now();
    times[name] = now - last;
    last = now;
  };
  const { startPolarEmulator } = await import(build);
  lap('import');
  const first = await startPolarEmulator({ consent: 'auto' });
  lap('start');
  await logIn(first);
  lap('first login');
  const second = await startPolarEmulator({ consent: 'auto' });
  lap('start again');
  await logIn(second);
  lap('login again');
  await Promise.all([first.close(), second.close()]);
  return { ...times, 'import + start': times.import + times.start };
}

async function logIn(polar) {
  const { clientID, clientSecret, callbackURL } = polar.strategyOptions();
  const query = {
    response_type: 'code',
    client_id: clientID,
    redirect_uri: callbackURL,
    scope: 'openid email',
  };
  const page = `${polar.webURL}/oauth2/authorize?${new URLSearchParams(query)}`;
  const { headers } = await fetch(page, { redirect: 'manual' });
  const code = new URL(headers.get('location')).searchParams.get('code');
  const form = { grant_type: 'authorization_code', code, redirect_uri: callbackURL };
  const body = new URLSearchParams({ ...form, client_id: clientID, client_secret: clientSecret });
  const answer = await fetch(`${polar.apiURL}/v1/oauth2/token`, { method: 'POST', body });
  if (typeof (await answer.json()).id_token !== 'string') throw new Error('The login failed.');
}

const self = fileURLToPath(import.meta.url);
const [argument = '15'] = process.argv.slice(2);
if (argument === '--once') {
  console.log(JSON.stringify(await measure()));
} else if (!existsSync(build)) {
  console.error('There is no dist/emulator.mjs. Build first: npm run build');
  process.exitCode = 1;
} else {
  const runs = Array.from({ length: Math.max(1, Number.parseInt(argument, 10) || 15) }, () =>
    JSON.parse(execFileSync(process.execPath, [self, '--once'], { encoding: 'utf8' })),
  );
  console.log(`${runs.length} processes, Node ${process.version}; milliseconds: median (slowest)`);
  for (const name of ['import', 'start', 'import + start', 'first login', 'start again', 'login again']) {
    const sorted = runs.map((run) => run[name]).sort((a, b) => a - b);
    const [median, slowest] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
    console.log(`${name.padEnd(14)} ${median.toFixed(1).padStart(6)} (${slowest.toFixed(1)})`);
  }
}
