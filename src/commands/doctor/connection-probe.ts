import { connect as connectPlainly, type Socket } from 'node:net';
import { connect as connectWithTLS } from 'node:tls';
import { type CheckResult, failed, kindOf } from './check.js';

/** Milliseconds to connect to a database. */
export const connectMs = 4000;

/** Opens a connection and closes it; resolves with what is wrong, if anything is. */
export function probeConnection(
  url: URL,
  defaultPort: number,
  useTLS: boolean,
): Promise<CheckResult | undefined> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const options = { host, port: Number(url.port || defaultPort) };
  return new Promise((resolve) => {
    let socket: Socket;
    const settle = (result?: CheckResult): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => settle(unreachable('timeout')), connectMs);
    const onConnect = (): void => settle();
    socket = useTLS
      ? connectWithTLS({ ...options, servername: host }, onConnect)
      : connectPlainly(options, onConnect);
    socket.on('error', (error) => settle(unreachable(kindOf(error))));
  });
}

export function unreachable(kind: string): CheckResult {
  return failed(
    `cannot be reached (${kind})`,
    'Check the address and the port, that the server runs, and that a firewall lets this machine through.',
  );
}
