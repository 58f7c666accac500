// A process of the app: Express, sessions and records in Redis.
import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';
import { PolarStrategy, polarTokens } from '../../src/index.ts';
import { redisStorage } from '../../src/redis.ts';
import { clientID, clientSecret, sessionSecret } from '../lib/client.mjs';
import { passportApp } from '../lib/passport-app.mjs';
import { answerCalls } from '../lib/processes.mjs';

const http = createServer();
http.keepAliveTimeout = 120_000;
/** @type {any} */
let redis;
const cpuBefore = process.cpuUsage();

answerCalls({
  async listen() {
    await new Promise((resolve) => http.listen(0, '127.0.0.1', 2048, () => resolve(undefined)));
    return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (http.address()).port}`;
  },
  async start({ baseURL, polarURL, redisURL }) {
    redis = await createClient({ url: redisURL }).connect();
    const polar = new PolarStrategy({
      clientID,
      clientSecret,
      callbackURL: `${baseURL}/callback`,
      server: { webURL: polarURL, apiURL: polarURL, issuer: 'https://polar.sh' },
      storage: redisStorage(redis),
    });
    const { app, passport } = passportApp(new RedisStore({ client: redis }));
    passport.use(polar);
    app.use(polarTokens(polar));
    app.get('/login', passport.authenticate('polar'));
    app.get(
      '/callback',
      passport.authenticate('polar', { successReturnToOrRedirect: '/page', failWithError: true }),
    );
    app.get('/page', async (req, res) => {
      await req.polar.getAccessToken();
      res.send('ok');
    });
    app.use((error, _req, res, _next) => {
      const { code, message, status = 500, retryAfterSeconds } = error;
      res.status(status).json({ code, message, retryAfterSeconds });
    });
    http.on('request', app);
  },
  /** Copies the session that is there, for logins with these tokens, and resolves with their cookies. */
  async multiply(/** @type {{ accessToken: string, refreshToken: string }[]} */ pairs) {
    const keys = await redis.keys('sess:*');
    const texts = await Promise.all(keys.map((/** @type {string} */ key) => redis.get(key)));
    const pattern = texts.find((text) => text.includes('"passport"'));
    const field = (/** @type {string} */ name) => new RegExp(`([?&"]${name}=)[^&"]*`);
    const past = Date.now() - 3600_000;
    return Promise.all(
      pairs.map(async ({ accessToken, refreshToken }) => {
        const fields = {
          loginId: randomBytes(16).toString('hex'),
          accessToken,
          refreshToken,
          expiresAt: past,
          issuedAt: past,
        };
        let text = pattern;
        for (const [name, value] of Object.entries(fields)) text = text.replace(field(name), `$1${value}`);
        const id = randomBytes(24).toString('base64url');
        await redis.set(`sess:${id}`, text);
        const signature = createHmac('sha256', sessionSecret).update(id).digest('base64').replace(/=+$/, '');
        return `connect.sid=${encodeURIComponent(`s:${id}.${signature}`)}`;
      }),
    );
  },
  cpuSeconds() {
    const { user, system } = process.cpuUsage(cpuBefore);
    return (user + system) / 1e6;
  },
});
