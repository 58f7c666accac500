/** A forward proxy, as companies have one between their servers and the internet: CONNECT tunnels, and plain requests. */
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ForwardProxy {
  /** What goes into `HTTPS_PROXY`. */
  readonly url: string;
  /** Host and port of each tunnel, and the address of each plain request, in order. */
  readonly visited: readonly string[];
  close(): Promise<void>;
}

/** @param hosts ports of this machine on which hosts of the outside are, which nobody but this proxy can find */
export async function startForwardProxy(hosts: Readonly<Record<string, number>> = {}): Promise<ForwardProxy> {
  const visited: string[] = [];
  const sockets = new Set<Duplex>();
  const targetOf = ({ hostname, port }: URL) =>
    hosts[hostname] === undefined
      ? { host: hostname, port: Number(port) }
      : { host: '127.0.0.1', port: hosts[hostname] };

  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '');
    visited.push(url.href);
    const { method, headers } = req;
    const forwarded = request(
      { ...targetOf(url), path: url.pathname + url.search, method: method ?? 'GET', headers },
      (response) => {
        res.writeHead(response.statusCode ?? 502, response.rawHeaders);
        response.pipe(res);
      },
    );
    forwarded.on('error', () => res.destroy());
    req.pipe(forwarded);
  });
  server.on('connect', (req, socket, head) => {
    visited.push(req.url ?? '');
    const tunnel = connect(targetOf(new URL(`http://${req.url}`)), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      tunnel.write(head);
      tunnel.pipe(socket).pipe(tunnel);
    });
    for (const end of [socket, tunnel]) {
      sockets.add(end);
      end.on('error', () => {
        socket.destroy();
        tunnel.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    visited,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets) socket.destroy();
      }),
  };
}
