import { startTestApp } from './test-app.js';

/** Makes the emulator create its first key, which may take longer than the short time-outs of some tests. */
export async function createEmulatorKey(): Promise<void> {
  const app = await startTestApp();
  await app.loggedInBrowser();
  await app.close();
}
