import type { Request } from 'express';
import { parseURL } from './parse-url.js';

/** How proxies in front of the app are seen; options of the strategy. */
export interface ProxyOptions {
  /** Whether to trust forwarded headers; Express's `trust proxy` where it is undefined. */
  readonly proxy: boolean | undefined;
  /** What a proxy takes off the front of each path. */
  readonly proxyPrefix: string;
}

/**
 * The address of the request as the browser sees it. Forwarded headers count only where the app trusts its
 * proxy: anybody can send them.
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

/** False where a proxy that the app does not trust may hide the host that the browser sees. */
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
