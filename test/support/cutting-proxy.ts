import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy in front of a server on this machine, which cuts a connection at a chosen request. */
export interface CuttingProxy {
  readonly port: number;
  /** How many requests have arrived. */
  readonly requests: number;
  /**
   * Cuts at the `count`-th request from now on: before the server receives it, or after the server has responded, so that
   * only the response is lost.
   */
  cutAt(count: number, when: 'before' | 'after'): void;
  /** Cuts all open connections. */
  cutAll(): void;
  /** Cuts all open connections, and connects to another server from now on. */
  switchTo(port: number): void;
  close(): Promise<void>;
}

/** @param marker a text that each request has, and nothing else that clients send */
export async function startCuttingProxy(firstPort: number, marker: string): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  let targetPort = firstPort;
  let requests = 0;
  let cut: { at: number; when: 'before' | 'after' } | undefined;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      target.destroy();
    };
    let losesResponse = false;
    for (const socket of [client, target]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => {
      if (chunk.includes(marker) && ++requests === cut?.at) {
        if (cut.when === 'before') return end();
        losesResponse = true;
      }
      target.write(chunk);
    });
    target.on('data', (chunk) => (losesResponse ? end() : client.write(chunk)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cutAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    cutAt(count, when) {
      cut = { at: requests + count, when };
    },
    cutAll,
    switchTo(port) {
      targetPort = port;
      cutAll();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cutAll();
      await closed;
    },
  };
}
