import { RedisStore } from 'connect-redis';
import { redisStorage } from 'passport-polar-sh/redis';
import { createClient } from 'redis';
import { createApp } from './app.js';

/** The app as environment variables describe it, with its sessions and logins in Redis. */
export function appFromEnvironment(env = process.env) {
  const { BASE_URL, TRUST_PROXY = 'loopback', REDIS_URL, SESSION_SECRET, POLAR_CLIENT_ID } = env;
  if (!BASE_URL || !REDIS_URL || !SESSION_SECRET || !POLAR_CLIENT_ID)
    throw new Error('Set BASE_URL, REDIS_URL, SESSION_SECRET and POLAR_CLIENT_ID');
  const redis = createClient({ url: REDIS_URL });
  redis.on('error', (error) => console.error(error.message)); // it connects again by itself
  const { app, polar } = createApp({
    baseURL: BASE_URL,
    trustProxy: /^\d+$/.test(TRUST_PROXY) ? Number(TRUST_PROXY) : TRUST_PROXY,
    sessionSecret: SESSION_SECRET,
    store: new RedisStore({ client: redis }),
    polar: {
      clientID: POLAR_CLIENT_ID,
      clientSecret: env.POLAR_CLIENT_SECRET,
      server: env.POLAR_SERVER, // 'sandbox', or unset for production
      scope: ['openid', 'email', 'organizations:read'],
      storage: redisStorage(redis),
    },
  });
  return { app, polar, connect: () => redis.connect() };
}
