import type { IncomingMessage, ServerResponse } from 'node:http';
import { RedisStore } from 'connect-redis';
import { redisStorage } from 'passport-polar-sh/redis';
import { createClient } from 'redis';
import { createApp } from '../app.js';
import { settledBeforeResponse } from '../settled-before-response.js';

// Once for each instance, not for each request.
const redis = createClient({ url: process.env.REDIS_URL! });
redis.on('error', (error) => console.error(error.message));
const connected = redis.connect();
const { app, polar } = createApp({
  baseURL: process.env.BASE_URL!,
  trustProxy: 1,
  sessionSecret: process.env.SESSION_SECRET!,
  store: new RedisStore({ client: redis }),
  polar: {
    clientID: process.env.POLAR_CLIENT_ID!,
    clientSecret: process.env.POLAR_CLIENT_SECRET,
    server: process.env.POLAR_SERVER,
    scope: ['openid', 'email', 'organizations:read'],
    storage: redisStorage(redis),
  },
});
const handle = settledBeforeResponse(app, polar);

export default async function handler(req: IncomingMessage, res: ServerResponse) {
  await connected;
  handle(req, res);
}
