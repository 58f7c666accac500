/**
 * Logs in once, over HTTP as a browser does, and calls Polar's API for whoever has logged in. Says so on stdout: that line is
 * what run.mjs looks for.
 */
const assert = require('node:assert/strict');
const http = require('node:http');

/** Starts a local Polar and the app that is made from the strategy's options, and ends both. */
exports.logInOnce = async (createApp, startPolarEmulator) => {
  const polar = await startPolarEmulator();
  const server = http.createServer(createApp(polar.strategyOptions()));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await exports.logInAt(`http://127.0.0.1:${server.address().port}`, polar);
  } finally {
    server.close();
    server.closeAllConnections();
    await polar.close();
  }
};

/** Logs in at an app that runs already. Gives the browser, and the address at Polar to which it was sent. */
exports.logInAt = async (origin, polar) => {
  const get = exports.browserAt(origin);
  const begun = await get('/auth/polar');
  assert.equal(begun.status, 302, `the start of the login answered ${begun.status}: ${begun.text}`);
  const start = begun.headers.get('location');
  const login = await get(await polar.authorize(start));
  assert.equal(login.status, 302, `the callback answered ${login.status}: ${login.text}`);
  const me = await get('/me');
  assert.equal(me.status, 200, `the page behind the login answered ${me.status}: ${me.text}`);
  const { email, organizations } = JSON.parse(me.text);
  assert.equal(email, 'ada@example.com');
  assert.ok(organizations.length > 0);
  console.log(`logged in as ${email}`);
  return { start, get };
};

/** GET with cookies, following nothing. */
exports.browserAt = (origin) => {
  const cookies = new Map();
  return async (path) => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const answer = await fetch(new URL(path, origin), { redirect: 'manual', headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [name, ...value] = set.split(';')[0].split('=');
      cookies.set(name, value.join('='));
    }
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
};
