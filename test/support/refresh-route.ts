import type { TestAppOptions } from './test-app.js';

/** A route `/refresh` that forces a refresh, and shows the new tokens. */
export const refreshRoute: NonNullable<TestAppOptions['routes']> = (server) =>
  server.post(
    '/refresh',
    async (req, res) => void res.json(await req.polar.getTokens({ forceRefresh: true })),
  );
