// Starts an emulator twice and prints how long it took, in milliseconds.
/** @type {Record<string, number>} */
const times = {};
let last = performance.now();
const lap = (/** @type {string} */ name) => {
  const now = performance.now();
  times[name] = now - last;
  last = now;
};
const { startPolarEmulator } = await import('passport-polar-sh/emulator');
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
console.log(JSON.stringify({ ...times, 'import + start': (times.import ?? 0) + (times.start ?? 0) }));

/** @param {import('passport-polar-sh/emulator').PolarEmulator} polar */
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
  const code = new URL(headers.get('location') ?? '').searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', code, redirect_uri: callbackURL };
  const body = new URLSearchParams({ ...form, client_id: clientID, client_secret: clientSecret ?? '' });
  const response = await fetch(`${polar.apiURL}/v1/oauth2/token`, { method: 'POST', body });
  if (typeof (await response.json()).id_token !== 'string') throw new Error('The login failed.');
}
