import type { RequestHandler } from 'express';
import type { TestAppOptions } from './test-app.js';

/** A handler that calls the API with `req.polar.fetch`, and shows the response. */
export const calls =
  (path: string | URL, init?: RequestInit): RequestHandler =>
  async (req, res) => {
    const response = await req.polar.fetch(path, init);
    res.json({ status: response.status, body: await response.json().catch(() => null) });
  };

/** A route `/call`, whose handler a test may change. */
export const callRoute =
  (handler: () => RequestHandler): NonNullable<TestAppOptions['routes']> =>
  (server) =>
    server.get('/call', (req, res, next) => handler()(req, res, next));
