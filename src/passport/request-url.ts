import type { Request } from 'express';
import { parseURL } from '../parse-url.js';

/**
 * The address of the request as the browser sees it. Forwarded headers count only where the app trusts its
 * proxy: anybody can send them.
 */
export function requestURL(req: Request, trustProxy: boolean | undefined): URL {
  const trusted = trustProxy ?? trustsPeer(req);
  const forwarded = (name: string): string | undefined => {
    const value = trusted ? req.headers[name] : undefined;
    return (Array.isArray(value) ? value[0] : value)?.split(',', 1)[0]?.trim() || undefined;
  };
  const encrypted = (req.socket as { encrypted?: boolean }).encrypted === true;
  const protocol = encrypted || forwarded('x-forwarded-proto')?.toLowerCase() === 'https' ? 'https' : 'http';
  const host = forwarded('x-forwarded-host') ?? req.headers.host ?? 'localhost';
  return parseURL(pathOf(req), `${protocol}://${host}`) ?? new URL(pathOf(req), `${protocol}://localhost`);
}

/** Whether the app trusts whoever is at the other end of the connection, by Express's `trust proxy`. */
function trustsPeer(req: Request): boolean {
  const trust: unknown = req.app?.get?.('trust proxy fn');
  return typeof trust === 'function' && trust(req.socket.remoteAddress, 0) === true;
}

/** The query as it was sent, whatever query parser the app uses: repeated parameters must stay visible. */
export function requestQuery(req: Request): URLSearchParams {
  return new URL(pathOf(req), 'http://localhost').searchParams;
}

function pathOf(req: Request): string {
  const path = req.originalUrl ?? req.url;
  // The request line may hold anything, also what a URL parser takes for another host.
  const url = path.startsWith('/') ? parseURL(`http://localhost${path}`) : undefined;
  return url?.href.slice('http://localhost'.length) ?? '/';
}
