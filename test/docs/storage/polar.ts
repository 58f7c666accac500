import { PolarStrategy, type PolarStrategyOptions } from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import { createClient } from 'redis';

/** The strategy of an app of many processes. */
export async function createPolar(url: string, options: PolarStrategyOptions) {
  const redis = createClient({ url });
  redis.on('error', (error) => console.error(error.message)); // it connects again by itself
  await redis.connect();
  return { polar: new PolarStrategy({ ...options, storage: redisStorage(redis) }), redis };
}
