import { RedisStore } from 'connect-redis';
import session from 'express-session';
import type { PolarStorage } from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import { createClient } from 'redis';

/** Where sessions and refreshed tokens are kept. */
export interface Sessions {
  readonly store: session.Store;
  /** Unset: beside the sessions, in the same store. */
  readonly storage?: PolarStorage | undefined;
  close(): Promise<void>;
}

/** In memory: fine for one process while developing; everybody is logged out when it restarts. */
export function sessionsInMemory(): Sessions {
  return { store: new session.MemoryStore(), close: async () => {} };
}

/**
 * In Redis, for any number of processes.
 *
 * @throws Error when Redis cannot be reached
 */
export async function sessionsInRedis({
  ownStorage,
  url,
}: {
  url: string;
  ownStorage: boolean;
}): Promise<Sessions> {
  let wasReady = false;
  const client = createClient({
    url,
    // While Redis is away, requests fail at once instead of piling up.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 5000,
      // A wrong address at the start is a mistake to report; later, Redis may just be restarting.
      reconnectStrategy: (retries) => wasReady && Math.min(100 * 2 ** retries, 3000),
    },
  });
  client.on('error', (error: Error) => {
    if (wasReady) console.error(`Redis: ${error.message}`);
  });
  try {
    await client.connect();
  } catch (cause) {
    throw new Error(`REDIS_URL: no Redis answers at ${new URL(url).host}`, { cause });
  }
  wasReady = true;

  return {
    store: new RedisStore({ client }),
    storage: ownStorage ? redisStorage(client) : undefined,
    close: () => client.close(),
  };
}
