/** A proxy that ends TLS, as most apps have one in front of them, and says so in X-Forwarded-Proto and -Host. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, type RequestOptions, request as send } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TLSProxy {
  readonly port: number;
  /** The certificate, in PEM. */
  readonly certificate: string;
  /** Where requests go, such as `http://127.0.0.1:3000`. */
  target: string;
  /** What is taken off the front of paths. */
  prefix: string;
  /** What the app gets to see, from what the client has sent. */
  headers: (sent: IncomingHttpHeaders) => IncomingHttpHeaders;
  close(): Promise<void>;
}

/** Starts a proxy with a certificate that signs itself. Needs `openssl`. */
export async function startTLSProxy(): Promise<TLSProxy> {
  const headers: TLSProxy['headers'] = (sent) => ({
    ...sent,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': sent.host,
  });
  const proxy = { target: '', prefix: '', headers };
  const identity = certificate();
  const server = createServer(identity, (req, res) => {
    const { hostname, port } = new URL(proxy.target);
    const path = req.url?.startsWith(proxy.prefix) ? req.url.slice(proxy.prefix.length) || '/' : req.url;
    const options: RequestOptions = {
      hostname,
      port,
      path: path ?? '/',
      method: req.method ?? 'GET',
      headers: proxy.headers(req.headers),
    };
    const forwarded = send(options, (response) => {
      res.writeHead(response.statusCode ?? 502, response.rawHeaders);
      response.pipe(res);
    });
    forwarded.on('error', () => res.destroy());
    res.on('close', () => forwarded.destroy());
    req.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(proxy, {
    port,
    certificate: identity.cert.toString(),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** A certificate for the hosts of the tests that signs itself. Needs `openssl`. */
export function certificate(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'polar-tls-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = [
      '-subj',
      '/CN=shop.example',
      '-addext',
      'subjectAltName=DNS:*.shop.example,DNS:merchant.example',
    ];
    const kind = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    execFileSync('openssl', [...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
