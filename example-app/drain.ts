import type { RequestListener, Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a server takes to leave its balancer. */
export interface DrainTimes {
  /** Milliseconds until the balancer has noticed: two of its health checks. 0 without a balancer. */
  readonly noticeMs: number;
  /** Milliseconds for the requests that have begun by then; more than the `timeoutMs` of the strategy. */
  readonly requestsMs: number;
}

/** Takes a server out of service without failing a request. */
export function drainable(server: Server, { noticeMs, requestsMs }: DrainTimes) {
  let isDraining = false;
  /** The balancer's health check, which fails from now on while all other requests succeed. */
  const health: RequestListener = (_req, res) => res.writeHead(isDraining ? 503 : 200).end();

  /** Resolves when no request is under way and none can arrive. */
  async function drain(): Promise<void> {
    isDraining = true;
    await delay(noticeMs);
    const closed = new Promise((resolve) => server.close(resolve));
    // A connection is idle only once its last response has ended.
    const closing = setInterval(() => server.closeIdleConnections(), 50);
    // WebSockets never end by themselves, and the server does not count them among its connections.
    await Promise.race([closed, delay(requestsMs, undefined, { ref: false })]);
    clearInterval(closing);
    server.closeAllConnections();
  }
  return { health, drain };
}
