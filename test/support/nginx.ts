/** A real nginx, with the configuration of a guide. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { neededProgram } from './needed-program.js';
import { certificate } from './tls-proxy.js';

const program = neededProgram(['nginx'], 'apt-get install nginx', ['/usr/sbin', '/usr/local/sbin']);
const openssl = neededProgram(['openssl'], 'apt-get install openssl');

/** False where a suite over nginx has to be skipped. */
export const hasNginx = program !== undefined && openssl !== undefined;

export interface Nginx {
  readonly port: number;
  /** The port that redirects to https. */
  readonly plainPort: number;
  /** The certificate, in PEM. */
  readonly certificate: string;
  close(): Promise<void>;
}

/**
 * Starts nginx on free ports of this machine.
 *
 * @param render returns the configuration of the `http` block, given the ports and the folder with `cert.pem` and `key.pem`
 */
export async function startNginx(
  render: (place: { port: number; plainPort: number; folder: string }) => string,
): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'polar-nginx-'));
  const [port, plainPort] = [await freePort(), await freePort()];
  const { key, cert } = certificate();
  writeFileSync(join(folder, 'key.pem'), key);
  writeFileSync(join(folder, 'cert.pem'), cert);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = [
    'daemon off; worker_processes 1; error_log stderr; events {}',
    `pid ${folder}/nginx.pid;`,
    // As root, its workers would be another user, who may not write here.
    process.getuid?.() === 0 ? 'user root;' : '',
    'http {',
    'access_log off;',
    ...temporary.map((name) => `${name}_temp_path ${folder}/${name};`),
    render({ port, plainPort, folder }),
    '}',
  ].join('\n');
  writeFileSync(join(folder, 'nginx.conf'), config);
  const server = spawn(program ?? '', ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  server.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const exited = once(server, 'exit');
  while (!(await isListening(port))) {
    if (server.exitCode !== null) throw new Error(`nginx did not start: ${errors}`);
    await delay(20);
  }
  return {
    port,
    plainPort,
    certificate: cert.toString(),
    async close() {
      server.kill('SIGQUIT');
      const killing = setTimeout(() => server.kill('SIGTERM'), 2000);
      await exited;
      clearTimeout(killing);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
