import { RedisStore } from 'connect-redis';
import { redisStorage } from 'passport-polar-sh/redis';
import { createClient } from 'redis';
import { createApp } from './app.js';
import { serve } from './serve.js';

const { BASE_URL, PORT = '3000', REDIS_URL, SESSION_SECRET, TRUST_PROXY = 'loopback' } = process.env;
if (!BASE_URL || !REDIS_URL || !SESSION_SECRET) throw new Error('Set BASE_URL, REDIS_URL and SESSION_SECRET');

const redis = createClient({ url: REDIS_URL });
redis.on('error', (error) => console.error(error.message)); // it connects again by itself
const { app, polar } = createApp({
  baseURL: BASE_URL,
  trustProxy: /^\d+$/.test(TRUST_PROXY) ? Number(TRUST_PROXY) : TRUST_PROXY,
  sessionSecret: SESSION_SECRET,
  store: new RedisStore({ client: redis }),
  polar: {
    clientID: process.env.POLAR_CLIENT_ID!,
    clientSecret: process.env.POLAR_CLIENT_SECRET,
    server: process.env.POLAR_SERVER,
    scope: ['openid', 'email', 'organizations:read'],
    storage: redisStorage(redis),
  },
});
redis.connect().then(() => serve(app, polar, Number(PORT)));
