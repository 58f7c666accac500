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
  const origin = parseURL(`${protocol}://${host}`)?.origin ?? `${protocol}://localhost`;
  return new URL(`${origin}${targetOf(req)}`);
}

/** Whether the app trusts whoever is at the other end of the connection, by Express's `trust proxy`. */
function trustsPeer(req: Request): boolean {
  const trust: unknown = req.app?.get?.('trust proxy fn');
  return typeof trust === 'function' && trust(req.socket.remoteAddress, 0) === true;
}

/** The query as it was sent, whatever query parser the app uses: repeated parameters must stay visible. */
export function requestQuery(req: Request): URLSearchParams {
  return new URL(`http://localhost${targetOf(req)}`).searchParams;
}

/** Path and query of the request, as a text that can follow an origin. */
function targetOf(req: Request): string {
  const target = req.originalUrl ?? req.url;
  // Never as a reference to be resolved: `//evil.example/` would name another host. Clients may also send a whole URL.
  const url = parseURL(target.startsWith('/') ? `http://localhost${target}` : target);
  return url?.pathname.startsWith('/') ? `${url.pathname}${url.search}` : '/';
}
