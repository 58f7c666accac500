import type { Request } from 'express';
import { parseURL } from '../text/parse-url.js';

/** The strategy's options for proxies in front of the app. */
export interface ProxyOptions {
  /** Whether to trust forwarded headers; if undefined, Express's `trust proxy` decides. */
  readonly proxy: boolean | undefined;
  /** Prefix that a proxy strips from each path. */
  readonly proxyPrefix: string;
}

/**
 * The URL of the request as the browser sees it. Forwarded headers count only if the app trusts its proxy, because any client
 * can send them.
 */
export function requestURL(req: Request, { proxy, proxyPrefix }: ProxyOptions): URL {
  const trusted = proxy ?? trustsPeer(req);
  const forwarded = (name: string): string | undefined => {
    const value = trusted ? req.headers[name] : undefined;
    return (Array.isArray(value) ? value[0] : value)?.split(',', 1)[0]?.trim() || undefined;
  };
  const encrypted = (req.socket as { encrypted?: boolean }).encrypted === true;
  const protocol = encrypted || forwarded('x-forwarded-proto')?.toLowerCase() === 'https' ? 'https' : 'http';
  const host = forwarded('x-forwarded-host') ?? req.headers.host ?? 'localhost';
  const origin = parseURL(`${protocol}://${host}`)?.origin ?? `${protocol}://localhost`;
  return new URL(`${origin}${proxyPrefix}${targetOf(req)}`);
}

/** False if a proxy that the app does not trust may hide the host that the browser sees. */
export function isHostCertain(req: Request, { proxy }: ProxyOptions): boolean {
  const traces = [
    'forwarded',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-real-ip',
  ];
  return (proxy ?? trustsPeer(req)) || !traces.some((name) => name in req.headers);
}

/** Whether Express's `trust proxy` trusts the other end of the connection. */
function trustsPeer(req: Request): boolean {
  const trust: unknown = req.app?.get?.('trust proxy fn');
  return typeof trust === 'function' && trust(req.socket.remoteAddress, 0) === true;
}

/** The query as sent, regardless of the app's query parser: repeated parameters must stay visible. */
export function requestQuery(req: Request): URLSearchParams {
  return new URL(`http://localhost${targetOf(req)}`).searchParams;
}

/** Path and query of the request as sent. Clients may also send an absolute URL (RFC 9112 section 3.2.2). */
export function requestTarget(req: Request): string {
  const target = req.originalUrl ?? req.url;
  if (target.startsWith('/')) return target;
  const url = parseURL(target);
  return url?.pathname.startsWith('/') ? `${url.pathname}${url.search}` : '/';
}

/** Path and query of the request, safe to append to an origin. */
function targetOf(req: Request): string {
  // Not resolved against a base: `//evil.example/` would name another host.
  const url = parseURL(`http://localhost${requestTarget(req)}`);
  return url === undefined ? '/' : `${url.pathname}${url.search}`;
}
