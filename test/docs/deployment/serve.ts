import { createServer, type Server } from 'node:http';
import type { Express } from 'express';
import type { PolarStrategy } from 'passport-polar-sh';
import { drainable } from './drain.js';

/** Serves an app until SIGTERM. */
export function serve(app: Express, polar: PolarStrategy, port: number): Server {
  const server = createServer((req, res) => (req.url === '/health' ? health(req, res) : app(req, res)));
  const { health, drain } = drainable(server, { noticeMs: 10_000, requestsMs: 12_000 });
  process.once('SIGTERM', async () => {
    await drain();
    await polar.settled({ withinMs: 5000 });
    process.exit();
  });
  // Longer than proxies keep idle connections: one that Node closes first costs a request that was just being sent.
  server.keepAliveTimeout = 95_000;
  return server.listen(port);
}
