import { RedisStore } from 'connect-redis';
import session from 'express-session';
import type { PolarStorage } from 'passport-polar-sh';
import { redisStorage } from 'passport-polar-sh/redis';
import { createClient } from 'redis';

/** Where sessions and refreshed tokens are kept. */
export interface Sessions {
  readonly store: session.Store;
  /** If unset, tokens are stored in the session store. */
  readonly storage?: PolarStorage | undefined;
  close(): Promise<void>;
}

/** In memory, for one process in development; a restart logs everybody out. */
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
      // At the start, a wrong address is an error to report; later, Redis may just be restarting.
      reconnectStrategy: (retries) => wasReady && Math.min(100 * 2 ** retries, 3000),
    },
  });
  client.on('error', (error: Error) => {
    if (wasReady) console.error(`Redis: ${error.message}`);
  });
  try {
    await client.connect();
  } catch (cause) {
    throw new Error(`REDIS_URL: no Redis responds at ${new URL(url).host}`, { cause });
  }
  wasReady = true;

  return {
    store: new RedisStore({ client }),
    storage: ownStorage ? redisStorage(client) : undefined,
    close: () => client.close(),
  };
}
