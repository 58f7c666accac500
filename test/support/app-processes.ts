import session from 'express-session';
import type { LoginEnded } from 'passport-polar-sh';
import { startTestApp, type TestApp, type TestAppOptions } from './test-app.js';

/** A store that several processes share: the package takes express-session's own MemoryStore for that of one process. */
export class SharedStore extends session.MemoryStore {}

/** A process of an app, with what its `onLoginEnded` received. */
export interface AppProcess extends TestApp {
  readonly ended: LoginEnded[];
}

/** Processes of one app: they share a Polar, a client and a session store, but no memory. Close the first one last. */
export async function startProcesses(
  count: number,
  { strategy = {}, ...options }: TestAppOptions = {},
): Promise<[AppProcess, ...AppProcess[]]> {
  const store = new SharedStore();
  const processes: AppProcess[] = [];
  while (processes.length < count) {
    const ended: LoginEnded[] = [];
    const [first] = processes;
    const app = await startTestApp({
      session: { store },
      ...options,
      ...(first && { sharedEmulator: first.emulator }),
      strategy: {
        onLoginEnded: (login) => void ended.push(login),
        ...strategy,
        ...(first && { clientID: first.client.clientID, clientSecret: first.client.clientSecret }),
      },
    });
    processes.push(Object.assign(app, { ended }));
  }
  return processes as [AppProcess, ...AppProcess[]];
}
