/** An app of several processes over one Redis, each process with a client of its own. */
import { redisStorage } from 'passport-polar-sh/redis';
import { SharedStore } from './app-processes.js';
import type { Browser } from './browser.js';
import type { ClientKind, ClientOptions } from './redis-clients.js';
import { startTestApp, type TestApp } from './test-app.js';

export interface RedisApps {
  readonly apps: readonly TestApp[];
  /** People who have logged in, each with a browser at each process. */
  readonly people: readonly (readonly Browser[])[];
  close(): Promise<void>;
}

export async function startRedisApps(
  kind: ClientKind,
  options: ClientOptions,
  people: number,
  processes = 2,
): Promise<RedisApps> {
  const opened: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const each of opened.splice(0).reverse()) await each();
  };
  try {
    const store = new SharedStore();
    const apps: TestApp[] = [];
    while (apps.length < processes) {
      const { client, close } = await kind.open(options);
      opened.push(close);
      const [first] = apps;
      const app = await startTestApp({
        session: { store },
        ...(first && { sharedEmulator: first.emulator }),
        strategy: {
          storage: redisStorage(client),
          ...(first && { clientID: first.client.clientID, clientSecret: first.client.clientSecret }),
        },
        routes: (server) => server.get('/login-id', (req, res) => void res.json(req.polar.loginId)),
      });
      apps.push(app);
      opened.push(async () => {
        await app.polar.settled({ withinMs: 5000 });
        await app.close();
      });
    }
    const browsers = await Promise.all(
      Array.from({ length: people }, async () => {
        const browser = await (apps[0] as TestApp).loggedInBrowser();
        return apps.map((app) => browser.at(app));
      }),
    );
    return { apps, people: browsers, close };
  } catch (error) {
    await close();
    throw error;
  }
}
